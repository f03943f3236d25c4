import { problem } from '../../../src/common/errors';
import { streamOf, uniform } from './random';
import { countLossTokens, ignoredLabel, tokenizeRow, type Example, type ExampleOptions } from './examples';
import type { Row } from './rows';
import type { TextTokenizer } from './tokenizer';

/** How shots are written: see the config's `method` section. */
export interface ShotFormat {
  /** Holds `{prompt}` and, after it, `{completion}`. */
  readonly template: string;
  readonly separator: string;
}

export interface ShotOptions extends ExampleOptions {
  readonly tokenizer: TextTokenizer;
  readonly format: ShotFormat;
  /** Positions of the model. */
  readonly positions: number;
}

/** `count` different rows of `total`, drawn for one `draw` with a seed, in the order in which they are shown. */
export function drawShots(total: number, count: number, seed: number, draw: number): number[] {
  const key = { seed, stream: streamOf(`few-shot draw ${draw}`) };
  const rows = Array.from({ length: total }, (_, row) => row);
  const taken = Math.min(count, total);
  for (let at = 0; at < taken; at++) {
    const other = at + Math.floor(uniform(key, at) * (total - at));
    [rows[at], rows[other]] = [rows[other], rows[at]];
  }
  return rows.slice(0, taken);
}

/**
 * The evaluation rows with the shots before them. Exactly the tokens carry loss that do without shots, cut to
 * `maxLength` as there, so that losses can be compared with those of a trained model; rows without any are left out,
 * as there. Throws `fewshot.positions` for a row that does not fit the model, and `fewshot.kinds` for rows of two kinds.
 */
export function withShots(rows: readonly Row[], shots: readonly Row[], options: ShotOptions): Example[] {
  return rows.flatMap(row => {
    const own = tokenizeRow(row, options.tokenizer, options);
    const cut = Math.max(0, own.ids.length - options.maxLength);
    const scored = countLossTokens({ ids: own.ids, labels: own.labels.subarray(0, own.labels.length - cut) });
    if (scored === 0) return [];
    const whole = precede(row, shots, options);
    const length = whole.ids.length - cut;
    if (length > options.positions) throw tooLong(row, length, options);
    return [{ ids: whole.ids.slice(0, length), labels: lastLabels(whole.labels.slice(0, length), scored) }];
  });
}

/** A prompt with the shots before it, as tokens, for texts to read. */
export function promptWithShots(prompt: string, shots: readonly Row[], options: ShotOptions): number[] {
  const row: Row = { kind: 'completion', line: 0, prompt, completion: '' };
  if (shots.some(shot => shot.kind !== 'completion')) return options.tokenizer.encode(prompt, true);
  return options.tokenizer.encode(promptText(row, shots, options.format), true);
}

/** The shots as one text, with the separator behind each. Chats and token rows have none. */
export function shotText(shots: readonly Row[], format: ShotFormat): string {
  return shots.map(shot => shotPart(shot, format)).join('');
}

type CompletionRow = Extract<Row, { kind: 'completion' }>;

function promptText(row: CompletionRow, shots: readonly Row[], format: ShotFormat): string {
  const [before] = format.template.split('{completion}');
  return shotText(shots, format) + fill(before, row.prompt);
}

/** Put in by position, so that what a row says is never taken for a placeholder. */
function fill(part: string, prompt: string): string {
  return part.split('{prompt}').join(prompt);
}

function shotPart(shot: Row, { template, separator }: ShotFormat): string {
  if (shot.kind === 'text') return shot.text + separator;
  if (shot.kind !== 'completion') return '';
  const [before, ...after] = template.split('{completion}');
  return fill(before, shot.prompt) + shot.completion + after.join(shot.completion) + separator;
}

function precede(row: Row, shots: readonly Row[], options: ShotOptions): Example {
  const { tokenizer, format } = options;
  if (shots.some(shot => shot.kind !== row.kind))
    throw problem(
      'fewshot.kinds',
      'data.train and data.eval hold rows of different kinds.',
      'Few-shot prompting needs shots like the rows it asks.',
    );
  switch (row.kind) {
    case 'completion':
      return tokenizeRow({ ...row, prompt: promptText(row, shots, format) }, tokenizer, options);
    case 'messages': {
      const earlier = shots.flatMap(shot => (shot.kind === 'messages' ? shot.messages : []));
      return tokenizeRow({ ...row, messages: [...earlier, ...row.messages] }, tokenizer, options);
    }
    case 'text':
    case 'tokens':
      return behind(
        shots.map(shot => tokenizeRow(shot, tokenizer, options)),
        tokenizeRow(row, tokenizer, options),
        tokenizer.encode(format.separator),
      );
  }
}

/** Rows that are no more than tokens: laid end to end with the separator's tokens between. */
function behind(shots: readonly Example[], row: Example, separator: readonly number[]): Example {
  const before = shots.flatMap(shot => [...shot.ids, ...separator]);
  return {
    ids: Uint32Array.from([...before, ...row.ids]),
    labels: Int32Array.from([...before.map(() => ignoredLabel), ...row.labels]),
  };
}

/** Only the last `count` labels stay: those of the row itself. */
function lastLabels(labels: Int32Array, count: number): Int32Array {
  let left = count;
  for (let at = labels.length - 1; at >= 0; at--) {
    if (labels[at] === ignoredLabel) continue;
    if (left > 0) left--;
    else labels[at] = ignoredLabel;
  }
  return labels;
}

function tooLong(row: Row, length: number, { label, positions }: ShotOptions) {
  return problem(
    'fewshot.positions',
    `${label}, line ${row.line}: with its shots it has ${length} tokens, but the model has ${positions} positions.`,
    'Lower method.shots.',
  );
}
