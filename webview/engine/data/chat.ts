import { problem } from '../../../src/common/errors';
import type { Message } from './rows';
import type { TextTokenizer } from './tokenizer';

/** A stretch of rendered chat that is learnt as a whole or not at all. */
export interface Segment {
  readonly text: string;
  readonly loss: boolean;
}

/**
 * Renders a conversation and marks what the assistant says. The template is rendered up to each assistant turn with the
 * generation prompt, and again with the turn: the difference is what a model has to write (with the template's own
 * turn ending). Text after the last assistant turn teaches nothing and is dropped.
 *
 * Throws a problem with `place` for a template that is missing, fails, or renders earlier turns differently once later
 * ones follow (some drop earlier reasoning), because then no single text holds all turns as a model would see them.
 */
export function chatSegments(messages: readonly Message[], tokenizer: TextTokenizer, place: string): Segment[] {
  const render = renderer(tokenizer, place);
  const segments: Segment[] = [];
  let done = '';
  for (const [index, message] of messages.entries()) {
    if (message.role !== 'assistant') continue;
    const until = render(messages.slice(0, index + 1), false);
    const prompt = promptBefore(messages.slice(0, index), render, until);
    if (prompt === undefined || !prompt.startsWith(done)) throw unstable(place, index);
    segments.push({ text: prompt.slice(done.length), loss: false }, { text: until.slice(prompt.length), loss: true });
    done = until;
  }
  return segments.filter(segment => segment.text !== '');
}

type Render = (messages: readonly Message[], addGenerationPrompt: boolean) => string;

function renderer(tokenizer: TextTokenizer, place: string): Render {
  const apply = tokenizer.applyChatTemplate;
  if (!apply)
    throw problem(
      'data.template',
      `${place}: the tokenizer has no chat template, so "messages" rows cannot be rendered.`,
      'Use prompt/completion rows, or a model with a chat template.',
    );
  return (messages, addGenerationPrompt) => {
    try {
      return apply(messages, { addGenerationPrompt });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw problem(
        'data.template',
        `${place}: the chat template refuses these messages: ${reason}`,
        'Order the roles as the template expects, usually system, user, assistant, user, assistant …',
      );
    }
  };
}

/** The text before an assistant turn: with the generation prompt where the turn begins with it, else without. */
function promptBefore(before: readonly Message[], render: Render, until: string): string | undefined {
  if (before.length === 0) return '';
  return [true, false].map(generation => render(before, generation)).find(prompt => until.startsWith(prompt));
}

function unstable(place: string, index: number) {
  return problem(
    'data.template',
    `${place}: the chat template renders the turns before message ${index + 1} differently once it follows.`,
    'Split the conversation into rows with one assistant turn at the end of each.',
  );
}
