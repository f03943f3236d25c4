/** What the tests inside the extension host write to `out/host-report.json` as they go. */
export interface HostReport {
  /** A line a test, with the stack of a failure below it. */
  readonly lines: string[];
  passed: number;
  failed: number;
  done: boolean;
}
