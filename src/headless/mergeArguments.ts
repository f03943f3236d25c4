import { problem } from '../common/errors';
import { readArguments } from './readArguments';

export interface MergeLine {
  /** Folder of a run or of an adapter. */
  readonly source: string;
  readonly out: string;
  /** Base model, where it is not the one the run or the adapter names: a folder or `builtin:NAME`. */
  readonly model?: string;
  /** What the adapter is added to; by default what training saw. */
  readonly into: 'file' | 'dequantized';
  readonly dtype: 'base' | 'f32';
  readonly json: boolean;
}

export const mergeUsage = `Usage:
  merge RUN_OR_ADAPTER --out DIR [--model MODEL] [--into trained|file] [--dtype base|f32] [--json]
MODEL is a folder or builtin:NAME; without it the one that the run or the adapter names.
--into: the weights that training saw (on a quantized base they are not those of the file), or those of the file.
--dtype: the type each weight has in the base model's files, or f32, which rounds nothing.`;

const options = {
  out: { type: 'string' },
  model: { type: 'string' },
  into: { type: 'string' },
  dtype: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Reads `merge …`. Throws `cli.*` with the usage as its hint. */
export function parseMergeLine(argv: readonly string[]): MergeLine {
  const { values, positionals } = readArguments(argv, options, mergeUsage);
  const [, source, ...rest] = positionals;
  if (source === undefined) throw problem('cli.adapter', 'No run and no adapter was named.', mergeUsage);
  if (rest.length > 0) throw problem('cli.extra', `"${rest[0]}" is one argument too many.`, mergeUsage);
  if (values.out === undefined) throw problem('cli.out', 'No folder for the merged model was named.', mergeUsage);
  return {
    source,
    out: values.out,
    model: values.model,
    into: oneOf('into', values.into ?? 'trained', ['trained', 'file']) === 'file' ? 'file' : 'dequantized',
    dtype: oneOf('dtype', values.dtype ?? 'base', ['base', 'f32']),
    json: values.json ?? false,
  };
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find(one => one === value);
  if (found !== undefined) return found;
  throw problem(`cli.${option}`, `--${option} ${value}: expected ${allowed.join(' or ')}.`, mergeUsage);
}
