import { parseArgs, type ParseArgsConfig } from 'node:util';
import { problem } from '../common/errors';

/** The words and options of a command line. Throws `cli.option` with the usage as its hint. */
export function readArguments<T extends NonNullable<ParseArgsConfig['options']>>(
  argv: readonly string[],
  options: T,
  usage: string,
) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options });
  } catch (error) {
    throw problem('cli.option', error instanceof Error ? error.message : String(error), usage);
  }
}
