import type { Problem } from '../errors';
import type { RunState } from './events';
import type { RunManifest, RunView } from './view';

/** What a list shows about a run, small enough to keep a hundred of them. */
export interface RunSummary {
  readonly id: string;
  readonly name: string;
  /** The config file, relative to the workspace folder. */
  readonly configPath: string;
  readonly state: RunState;
  readonly method: string;
  readonly step: number;
  readonly totalSteps: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Loss of the last step. */
  readonly loss?: number;
  readonly bestEvalLoss?: number;
  readonly problem?: Problem;
  readonly exported?: string;
}

/** The summary of a folded run. */
export function summarize(view: RunView): RunSummary {
  return {
    ...fromManifest(view.manifest),
    state: view.state,
    step: view.step,
    totalSteps: view.totalSteps,
    updatedAt: view.updatedAt,
    loss: view.metrics.loss.at(-1),
    bestEvalLoss: bestOf(view.evaluations.loss),
    problem: view.problem,
    exported: view.exported,
  };
}

function fromManifest({ id, name, config, configPath, createdAt }: RunManifest) {
  return { id, name, configPath, method: config.method.type, createdAt };
}

function bestOf(losses: readonly number[]): number | undefined {
  const finite = losses.filter(Number.isFinite);
  return finite.length === 0 ? undefined : finite.reduce((a, b) => Math.min(a, b));
}
