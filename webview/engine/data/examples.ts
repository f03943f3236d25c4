import { problem } from '../../../src/common/errors';
import type { Message, Row } from './rows';
import type { TextTokenizer } from './tokenizer';
import { chatSegments, type Segment } from './chat';

/** The label of a token that carries no loss, as in PyTorch's cross-entropy. */
export const ignoredLabel = -100;

/** One training example: `labels[t]` is `ids[t]` where the token counts, else {@link ignoredLabel}; not yet shifted. */
export interface Example {
  readonly ids: Uint32Array;
  readonly labels: Int32Array;
}

export interface ExampleOptions {
  /** Longest example in tokens; the rest is cut at the end. */
  readonly maxLength: number;
  /** What the person calls the file, for messages. */
  readonly label: string;
  /** `all` gives prompts and other turns loss too; `completion` by default. Rows with labels keep these. */
  readonly loss?: 'completion' | 'all';
  /** Size of the model's vocabulary, the bound for pre-tokenized ids; the tokenizer's by default. */
  readonly vocabSize?: number;
}

export interface ExampleSet {
  readonly examples: readonly Example[];
  /** Rows left out because no token would carry loss after the causal shift. */
  readonly skipped: number;
  /** Rows cut to `maxLength`, those skipped afterwards included. */
  readonly truncated: number;
}

/**
 * Turns rows into examples. Completions and assistant turns carry loss, prompts and other turns only where `loss` is
 * `all` (masked by length, never by token id: the padding token is often the end token); `text` carries loss throughout.
 * Prompt and completion are tokenized apart; the end token follows a completion or text that does not end with it.
 * Throws a problem with the line for a row that cannot be rendered or has ids beyond the vocabulary, and when no row is left.
 */
export function tokenizeRows(rows: readonly Row[], tokenizer: TextTokenizer, options: ExampleOptions): ExampleSet {
  const examples: Example[] = [];
  let truncated = 0;
  for (const row of rows) {
    const whole = tokenizeRow(row, tokenizer, options);
    if (whole.ids.length > options.maxLength) truncated++;
    const example = cut(whole, options.maxLength);
    if (countLossTokens(example) > 0) examples.push(example);
  }
  const skipped = rows.length - examples.length;
  if (examples.length === 0) throw nothingLeft(rows.length, truncated, options);
  return { examples, skipped, truncated };
}

/** Tokens that are predicted: those with a label and a token before them. */
export function countLossTokens(example: Example): number {
  return example.labels.subarray(1).reduce((count, label) => count + (label === ignoredLabel ? 0 : 1), 0);
}

/** One row as an example, not cut to any length. */
export function tokenizeRow(row: Row, tokenizer: TextTokenizer, options: ExampleOptions): Example {
  switch (row.kind) {
    case 'completion':
      return join([
        { ids: tokenizer.encode(row.prompt, true), loss: options.loss === 'all' },
        { ids: withEnd(tokenizer.encode(row.completion), tokenizer), loss: true },
      ]);
    case 'text':
      return join([{ ids: withEnd(tokenizer.encode(row.text, true), tokenizer), loss: true }]);
    case 'messages':
      return join(
        renderChat(row.messages, tokenizer, `${options.label}, line ${row.line}`).map(part =>
          options.loss === 'all' ? { ...part, loss: true } : part,
        ),
      );
    case 'tokens':
      checkIds(row, options.vocabSize ?? tokenizer.vocabSize, options.label);
      return { ids: Uint32Array.from(row.ids), labels: Int32Array.from(row.labels) };
  }
}

interface Part {
  readonly ids: readonly number[];
  readonly loss: boolean;
}

function join(parts: readonly Part[]): Example {
  const ids = Uint32Array.from(parts.flatMap(part => part.ids));
  const labels = Int32Array.from(parts.flatMap(part => part.ids.map(id => (part.loss ? id : ignoredLabel))));
  return { ids, labels };
}

function withEnd(ids: readonly number[], tokenizer: TextTokenizer): readonly number[] {
  return ids.at(-1) === tokenizer.eosId ? ids : [...ids, tokenizer.eosId];
}

/** A chat template writes its own special tokens, so none are added. */
function renderChat(messages: readonly Message[], tokenizer: TextTokenizer, place: string): Part[] {
  const segments: Segment[] = chatSegments(messages, tokenizer, place);
  return segments.map(({ text, loss }) => ({ ids: tokenizer.encode(text), loss }));
}

function checkIds(row: Extract<Row, { kind: 'tokens' }>, vocabSize: number, label: string): void {
  const strange = [...row.ids, ...row.labels].find(id => id >= vocabSize);
  if (strange === undefined) return;
  throw problem(
    'data.token',
    `${label}, line ${row.line}: token id ${strange} is outside the vocabulary of ${vocabSize}.`,
    'Tokenize the file with the tokenizer of this model.',
  );
}

function cut(example: Example, maxLength: number): Example {
  if (example.ids.length <= maxLength) return example;
  return { ids: example.ids.slice(0, maxLength), labels: example.labels.slice(0, maxLength) };
}

function nothingLeft(rows: number, truncated: number, options: ExampleOptions) {
  const { label, maxLength } = options;
  const what = `${label}: none of the ${rows} rows has a token to learn`;
  if (truncated > 0)
    return problem(
      'data.noLoss',
      `${what}; ${truncated} were cut to ${maxLength} tokens, which leaves no completion.`,
      'Raise data.max_length or shorten the prompts.',
    );
  return problem(
    'data.noLoss',
    `${what}: completions are empty, labels are all -100, or there is no assistant turn.`,
    'Give each row a completion, text, an assistant message or labels.',
  );
}
