import { problem } from '../common/errors';
import { parseSet, type CommandLine } from './arguments';
import { readArguments } from './readArguments';

export interface GenerateLine {
  /** Config file, model folder or `builtin:NAME`. */
  readonly source: string;
  readonly prompts: readonly string[];
  readonly adapters: readonly { readonly folder: string; readonly weight: number }[];
  readonly sets: CommandLine['sets'];
  /** Most tokens of a text. */
  readonly rows: number;
  readonly compare: boolean;
  readonly json: boolean;
  /** Where to draw the comparison. */
  readonly svg?: string;
}

export const generateUsage = `Usage:
  generate CONFIG|MODEL --prompt TEXT … [--adapter DIR[:WEIGHT] …] [--rows N] [--set samples.key=value …] [--json]
  generate CONFIG|MODEL --compare-cache [--adapter DIR …] [--prompt TEXT] [--rows N] [--svg FILE]
MODEL is a folder or builtin:NAME. Several LoRA adapters add up with their weights (1 by default).
--compare-cache prints the time per token against the length of the text, with and without the cache, as JSON;
--svg draws it too.`;

const defaultRows = 512;

const options = {
  prompt: { type: 'string', multiple: true },
  adapter: { type: 'string', multiple: true },
  set: { type: 'string', multiple: true },
  rows: { type: 'string' },
  'compare-cache': { type: 'boolean' },
  json: { type: 'boolean' },
  svg: { type: 'string' },
} as const;

/** Reads `generate …`. Throws `cli.*` with the usage as its hint. */
export function parseGenerateLine(argv: readonly string[]): GenerateLine {
  const { values, positionals } = readArguments(argv, options, generateUsage);
  const [, source, ...rest] = positionals;
  if (source === undefined) throw problem('cli.model', 'No config and no model was named.', generateUsage);
  if (rest.length > 0) throw problem('cli.extra', `"${rest[0]}" is one argument too many.`, generateUsage);
  const compare = values['compare-cache'] ?? false;
  const prompts = values.prompt ?? [];
  if (values.svg !== undefined && !compare)
    throw problem('cli.svg', '--svg draws a comparison.', 'Add --compare-cache.');
  if (prompts.length === 0 && !compare) throw problem('cli.prompt', 'No prompt was given.', generateUsage);
  return {
    source,
    prompts,
    adapters: (values.adapter ?? []).map(parseAdapter),
    sets: (values.set ?? []).map(parseSet),
    rows: parseRows(values.rows),
    compare,
    json: values.json ?? false,
    svg: values.svg,
  };
}

/** `DIR` or `DIR:0.5`; a folder may hold colons, so only a number at the end is a weight. */
function parseAdapter(text: string) {
  const match = /^(.+):(-?\d+(?:\.\d+)?)$/.exec(text);
  return match ? { folder: match[1], weight: Number(match[2]) } : { folder: text, weight: 1 };
}

function parseRows(text: string | undefined): number {
  if (text === undefined) return defaultRows;
  const rows = Number(text);
  if (Number.isInteger(rows) && rows >= 2) return rows;
  throw problem('cli.rows', `--rows ${text}: expected a whole number of tokens, at least 2.`, generateUsage);
}
