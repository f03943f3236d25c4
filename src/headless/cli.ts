import { performance } from 'node:perf_hooks';
import packageJson from '../../package.json';
import { openDevice } from '../../webview/engine/runtime/device';
import { toProblem } from '../common/errors';
import { parseCommandLine } from './arguments';
import { forecastCommand } from './forecastCommand';
import { parseGenerateLine } from './generateArguments';
import { generateCommand } from './generateCommand';
import { nodeGpu } from './gpu';
import { parseMergeLine } from './mergeArguments';
import { mergeCommand } from './mergeCommand';
import type { EnginePorts } from './ports';
import { trainCommand } from './trainCommand';

const ports: EnginePorts = {
  openDevice: () => openDevice(nodeGpu()),
  print: line => process.stdout.write(`${line}\n`),
  show: text => process.stderr.write(text),
  terminal: process.stderr.isTTY,
  now: () => performance.now(),
  clock: () => Date.now(),
  entropy: () => Math.random(),
  version: packageJson.version,
  problemOf: toProblem,
  onInterrupt: handler => {
    process.once('SIGINT', handler);
    return () => process.off('SIGINT', handler);
  },
};

async function main(argv: readonly string[]): Promise<void> {
  if (argv[0] === 'generate') return generateCommand(parseGenerateLine(argv), ports);
  if (argv[0] === 'merge') return mergeCommand(parseMergeLine(argv), ports);
  const line = parseCommandLine(argv);
  await (line.command === 'forecast' ? forecastCommand(line) : trainCommand(line, ports));
}

main(process.argv.slice(2)).then(
  // Dawn keeps the event loop alive, and the device goes with the process; everything is on disk by now.
  () => process.exit(0),
  (error: unknown) => {
    const { code, message, hint } = toProblem(error);
    process.stderr.write(`\n${code}: ${message}\n${hint}\n`);
    if (code === 'internal' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
    process.exit(1);
  },
);
