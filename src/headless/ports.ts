import type { OpenDevice } from '../../webview/engine/runtime/device';
import type { Problem } from '../common/errors';

/** What the commands use of the process, so that the rest of this folder stays testable. */
export interface EnginePorts {
  /** Takes a device; who takes it lets go of it. */
  readonly openDevice: () => Promise<OpenDevice>;
  /** Writes one line to standard output. */
  readonly print: (line: string) => void;
  /** Writes to standard error, without a line end. */
  readonly show: (text: string) => void;
  /** Standard error is a terminal. */
  readonly terminal: boolean;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  /** A number in [0, 1). */
  readonly entropy: () => number;
  readonly version: string;
  readonly problemOf: (error: unknown) => Problem;
  /** Calls back on Ctrl+C; answers how to stop listening. */
  readonly onInterrupt: (handler: () => void) => () => void;
}
