import { parseDocument } from 'yaml';
import { problem } from '../common/errors';
import { readArguments } from './readArguments';

export interface CommandLine {
  readonly command: 'train' | 'forecast';
  readonly config: string;
  /** Folder of the run; a new one under `.peft/runs` beside the config by default. */
  readonly out?: string;
  /** Checkpoint folder to resume from. */
  readonly resume?: string;
  readonly sets: readonly { readonly path: readonly string[]; readonly value: string }[];
  readonly json: boolean;
}

export const usage = `Usage:
  train CONFIG [--out DIR] [--resume CHECKPOINT] [--set key.path=value …] [--json]
  forecast CONFIG [--set key.path=value …] [--json]
  generate CONFIG|MODEL --prompt TEXT …
  merge RUN_OR_ADAPTER --out DIR …`;

const options = {
  out: { type: 'string' },
  resume: { type: 'string' },
  set: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const;

/** Reads `train|forecast CONFIG …`. Throws `cli.*` with the usage as its hint. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const { values, positionals } = readArguments(argv, options, usage);
  const [command, config, ...rest] = positionals;
  if (command !== 'train' && command !== 'forecast')
    throw problem('cli.command', `There is no command "${command ?? ''}".`, usage);
  if (config === undefined) throw problem('cli.config', 'No config was named.', usage);
  if (rest.length > 0) throw problem('cli.extra', `"${rest[0]}" is one argument too many.`, usage);
  return {
    command,
    config,
    out: values.out,
    resume: values.resume,
    json: values.json ?? false,
    sets: (values.set ?? []).map(parseSet),
  };
}

/** `key.path=value`. */
export function parseSet(text: string) {
  const at = text.indexOf('=');
  if (at < 1) throw problem('cli.set', `--set ${text}: expected key.path=value.`, usage);
  return { path: text.slice(0, at).split('.'), value: text.slice(at + 1) };
}

/** The config text with `--set` values put in, so that what the run folder keeps is what ran. Values are YAML. */
export function applySets(text: string, sets: CommandLine['sets']): string {
  if (sets.length === 0) return text;
  const document = parseDocument(text);
  for (const { path, value } of sets) document.setIn(path, parseDocument(value).contents);
  return document.toString();
}
