import { problem, type Problem } from '../common/errors';
import type { TrainJob } from '../common/protocol';
import type { RunManifest } from '../common/run/view';

/** Everything the engine gets, and what `run.json` says about it. */
export interface BuiltJob {
  readonly job: Omit<TrainJob, 'runId' | 'checkpoint'>;
  readonly fingerprint: string;
  readonly data: RunManifest['data'];
  readonly warnings: readonly Problem[];
}

/** Refuses to resume with other content than the run was started with: its losses could not continue. */
export function assertSameInputs(manifest: RunManifest, built: BuiltJob): void {
  const pairs: [string, string | undefined, string | undefined][] = [
    [`The model ${manifest.model.label}`, manifest.model.fingerprint, built.fingerprint],
    [`The training data ${manifest.config.data.train}`, manifest.data.train, built.data.train],
    [`The evaluation data ${manifest.config.data.eval}`, manifest.data.eval, built.data.eval],
  ];
  for (const [what, before, now] of pairs) {
    if (before === now) continue;
    const hint = 'Restore the file, or start a new run from the config.';
    throw problem('resume.changed', `${what} has changed since the run started.`, hint);
  }
}
