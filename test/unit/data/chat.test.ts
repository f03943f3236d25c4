import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ProblemError } from '../../../src/common/errors';
import { chatSegments } from '../../../webview/engine/data/chat';
import { tokenizeRows } from '../../../webview/engine/data/examples';
import type { Message } from '../../../webview/engine/data/rows';
import { loadTokenizer } from '../../../webview/engine/data/tokenizer';

const definition = readFileSync(resolve('test/reference/tokenizers/qwen2.json'), 'utf8');

/** The template of Qwen2. */
const chatml = `{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system
Be kind.<|im_end|>
' }}{% endif %}{{'<|im_start|>' + message['role'] + '
' + message['content'] + '<|im_end|>' + '
'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
' }}{% endif %}`;

/** In the manner of Llama 2 and Mistral: no generation prompt, strict order of roles. */
const inst = `{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('Roles must alternate!') }}{% endif %}{% if message['role'] == 'user' %}
{{- '[INST] ' + message['content'] + ' [/INST]' }}{% else %}
{{- ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}`;

const dialogue: Message[] = [
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello' },
  { role: 'user', content: 'Bye' },
  { role: 'assistant', content: 'Farewell' },
  { role: 'user', content: 'unanswered' },
];

function load(template?: string, config: object = {}) {
  return loadTokenizer(
    definition,
    JSON.stringify({ eos_token: '<|endoftext|>', bos_token: '<s>', ...config }),
    template,
  );
}

function message(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ProblemError) return error.problem.message;
    throw error;
  }
  throw new assert.AssertionError({ message: 'no problem was thrown' });
}

describe('chat rows', () => {
  it('learn assistant turns after the generation prompt, with the turn ending', () => {
    assert.deepEqual(chatSegments(dialogue, load(chatml), 'here'), [
      {
        text: '<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
        loss: false,
      },
      { text: 'Hello<|im_end|>\n', loss: true },
      { text: '<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n', loss: false },
      { text: 'Farewell<|im_end|>\n', loss: true },
    ]);
  });

  it('work with templates that have no generation prompt', () => {
    assert.deepEqual(chatSegments(dialogue.slice(0, 2), load(inst), 'here'), [
      { text: '<s>[INST] Hi [/INST]', loss: false },
      { text: ' Hello<|endoftext|>', loss: true },
    ]);
  });

  it('become tokens with one id per special token', () => {
    const tokenizer = load(chatml);
    const rows = [{ kind: 'messages', line: 1, messages: dialogue.slice(0, 2) } as const];
    const { examples } = tokenizeRows(rows, tokenizer, { maxLength: 512, label: 'train.jsonl' });
    const [ids, labels] = [[...examples[0].ids], [...examples[0].labels]];
    assert.equal(
      tokenizer.decode(ids, true),
      tokenizer.applyChatTemplate?.(rows[0].messages, { addGenerationPrompt: false }),
    );
    const learnt = tokenizer.encode('Hello<|im_end|>\n');
    assert.deepEqual(ids.slice(-learnt.length), learnt);
    assert.deepEqual(labels, [...ids.slice(0, -learnt.length).map(() => -100), ...learnt]);
  });

  it('take the template from either file; the separate one wins', () => {
    const render = (template?: string, config?: object) =>
      load(template, config).applyChatTemplate?.([{ role: 'user', content: 'x' }], { addGenerationPrompt: false });
    assert.equal(render(undefined, { chat_template: '{{ eos_token }}A' }), '<|endoftext|>A');
    assert.equal(render('B', { chat_template: 'A' }), 'B');
    const named = [
      { name: 'tool_use', template: 'T' },
      { name: 'default', template: 'D' },
    ];
    assert.equal(render(undefined, { chat_template: named }), 'D');
    assert.equal(
      render(undefined, { eos_token: { content: '<|endoftext|>' }, chat_template: '{{ eos_token }}' }),
      '<|endoftext|>',
    );
    assert.equal(render(), undefined);
  });

  it('are refused with the line and the reason', () => {
    const at = (template: string | undefined, messages: readonly Message[]) =>
      message(() => chatSegments(messages, load(template), 'train.jsonl, line 3'));
    assert.match(at(undefined, dialogue), /^train\.jsonl, line 3: the tokenizer has no chat template/);
    assert.match(
      at(inst, [dialogue[0], dialogue[0], dialogue[1]]),
      /^train\.jsonl, line 3: the chat template refuses these messages: .*Roles must alternate!/,
    );
    const forgetful = '{{ messages[-1].content }}';
    assert.match(at(forgetful, dialogue), /^train\.jsonl, line 3: .* renders the turns before message 2 differently/);
    assert.match(
      message(() => load('{% for %}')),
      /^The chat template cannot be read/,
    );
  });
});
