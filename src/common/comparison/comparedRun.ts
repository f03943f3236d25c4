import type { RunConfig } from '../config/schema';
import type { Problem } from '../errors';
import type { RunState } from '../run/events';
import { decimate, median } from '../run/series';
import type { RunManifest, RunView } from '../run/view';

/** Most points of a curve that a comparison draws. */
const maxPoints = 300;

/** What a comparison shows of one run: folded events, without what only a dashboard needs. */
export interface ComparedRun {
  readonly id: string;
  readonly state: RunState;
  readonly problem?: Problem;
  readonly config: RunConfig;
  readonly model: RunManifest['model'];
  readonly data: RunManifest['data'];
  readonly step: number;
  readonly totalSteps: number;
  readonly trainableParameters: number;
  readonly totalParameters: number;
  readonly evalRows: number;
  readonly evaluations: RunView['evaluations'];
  readonly training: { readonly step: readonly number[]; readonly loss: readonly number[] };
  /** Tokens of all steps done. */
  readonly tokens: number;
  /** Milliseconds of all steps done: without evaluations and pauses. */
  readonly trainMs: number;
  /** Median step. */
  readonly stepMs?: number;
  /** Bytes of GPU memory, as measured. */
  readonly peakBytes?: number;
}

/** Picks what a comparison shows from a folded run. */
export function comparedRun(view: RunView): ComparedRun {
  const { manifest, metrics, memory } = view;
  const kept = decimate(metrics.loss, maxPoints);
  return {
    id: manifest.id,
    state: view.state,
    problem: view.problem,
    config: manifest.config,
    model: manifest.model,
    data: manifest.data,
    step: view.step,
    totalSteps: view.totalSteps,
    trainableParameters: view.trainableParameters,
    totalParameters: view.totalParameters,
    evalRows: view.evalRows,
    evaluations: {
      ...view.evaluations,
      step: [...view.evaluations.step],
      loss: [...view.evaluations.loss],
      exactMatch: [...view.evaluations.exactMatch],
    },
    training: { step: kept.map(i => metrics.step[i]), loss: kept.map(i => metrics.loss[i]) },
    tokens: sum(metrics.tokens),
    trainMs: sum(metrics.stepMs),
    stepMs: median(metrics.stepMs),
    peakBytes: memory && gpuBytes(memory.measured),
  };
}

function gpuBytes(measured: NonNullable<RunView['memory']>['measured']): number {
  const { offloadedCpu: _, offloadedDisk: __, ...onGpu } = measured;
  return sum(Object.values(onGpu));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Whether the run trains anything. */
export function trains(run: ComparedRun): boolean {
  return run.config.method.type !== 'few-shot';
}

/** The lowest evaluation loss after the first step; that of the evaluation where nothing trains. */
export function bestEvalLoss(run: ComparedRun): number | undefined {
  const { step, loss } = run.evaluations;
  const counted = loss.filter((value, i) => Number.isFinite(value) && (step[i] > 0 || !trains(run)));
  return counted.length === 0 ? undefined : Math.min(...counted);
}

/** Evaluation loss of the untouched base model: the evaluation before the first step, where the method starts as a no-op. */
export function untouchedLoss(run: ComparedRun): number | undefined {
  const { step, loss } = run.evaluations;
  return trains(run) && startsAtBase(run.config) && step[0] === 0 && Number.isFinite(loss[0]) ? loss[0] : undefined;
}

/** Share of rows completed exactly at the last evaluation that counted them. */
export function lastExactMatch(run: ComparedRun): number | undefined {
  return run.evaluations.exactMatch.findLast(share => share !== null) ?? undefined;
}

/** Whether step 0 is the base model itself, as the methods define their start values. */
function startsAtBase({ method, memory }: RunConfig): boolean {
  const isPlain = memory.quantization === 'none' || memory.quantization === 'f16';
  if (!isPlain || ('adapter' in method && method.adapter !== undefined)) return false;
  switch (method.type) {
    case 'full':
    case 'adalora':
    case 'weightlora':
      return true;
    case 'lora':
      return method.init_lora_weights !== false;
    case 'bottleneck':
      return method.init_weights === 'mam_adapter';
    default:
      return false;
  }
}
