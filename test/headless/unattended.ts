import { toProblem } from '../../src/common/errors';
import type { EnginePorts } from '../../src/headless/ports';

/** The process as a command sees it when nobody watches: what it prints is lost, and nobody interrupts it. */
export function unattended(openDevice: EnginePorts['openDevice']): EnginePorts {
  return {
    openDevice,
    print: () => undefined,
    show: () => undefined,
    terminal: false,
    now: () => performance.now(),
    clock: () => Date.now(),
    entropy: () => Math.random(),
    version: 'test',
    problemOf: toProblem,
    onInterrupt: () => () => undefined,
  };
}
