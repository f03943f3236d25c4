import type { RunEvent } from './events';
import { median } from './series';
import type { Fold, MetricSeries, RunManifest, RunView } from './view';

/** Steps whose times the estimate of the time left looks at. */
const recentSteps = 20;

/** A run of which nothing but its `run.json` is known. */
export function emptyView(manifest: RunManifest): RunView {
  return {
    manifest,
    state: 'queued',
    seq: 0,
    totalSteps: 0,
    step: 0,
    trainableParameters: 0,
    totalParameters: 0,
    trainRows: 0,
    evalRows: 0,
    skippedRows: 0,
    truncatedRows: 0,
    stepsPerEpoch: 0,
    metrics: { step: [], loss: [], learningRate: [], gradNorm: [], tokensPerSecond: [], tokens: [], stepMs: [] },
    evaluations: { step: [], loss: [], exactMatch: [] },
    samples: [],
    importance: [],
    checkpoints: [],
    warnings: [],
    stepTimes: [],
    updatedAt: manifest.createdAt,
  };
}

/**
 * Takes one event into the view. Events that were folded before are ignored, so a snapshot and the deltas around it may
 * overlap. A run that starts again from step s forgets what it had reported after s, because it will report it again.
 */
export const fold: Fold = (view, event) => {
  if (event.seq <= view.seq) return view;
  view.seq = event.seq;
  view.updatedAt = event.time;
  switch (event.type) {
    case 'started':
      return start(view, event);
    case 'metrics':
      return metrics(view, event);
    case 'evaluation':
      keepUntil(view.evaluations.step, event.step - 1, [view.evaluations.loss, view.evaluations.exactMatch]);
      view.evaluations.step.push(event.step);
      view.evaluations.loss.push(event.loss);
      view.evaluations.exactMatch.push(event.exactMatch ?? null);
      if (event.draws) view.draws = event.draws;
      return view;
    case 'sample':
      view.samples = view.samples.filter(one => one.step !== event.step || one.prompt !== event.prompt);
      view.samples.push(pickSample(event));
      return view;
    case 'importance':
      view.importance = view.importance.filter(one => one.step < event.step);
      view.importance.push({
        step: event.step,
        tables: event.tables,
        ...(event.budget ? { budget: event.budget } : {}),
        ...(event.triplets ? { triplets: event.triplets } : {}),
      });
      return view;
    case 'memory':
      view.memory = { forecast: event.forecast, measured: event.measured };
      return view;
    case 'timeline':
      view.timeline = pickTimeline(event);
      return view;
    case 'transfers':
      view.transfers = {
        step: event.step,
        up: event.up,
        down: event.down,
        ms: event.ms,
        list: event.list ?? view.transfers?.list,
      };
      return view;
    case 'warning':
      return warn(view, event.problem);
    case 'deviceLost':
      return warn(view, {
        code: 'device.lost',
        message: `The GPU device was lost after step ${event.step}: ${event.message}`,
        hint: 'The run goes on from its last checkpoint.',
      });
    case 'state':
      view.state = event.state;
      view.problem = event.problem;
      return view;
    case 'checkpoint':
      return checkpoint(view, event);
    case 'pruned':
      view.checkpoints = view.checkpoints.filter(one => !event.steps.includes(one.step));
      return view;
    case 'exported':
      view.exported = event.path;
      return view;
    default:
      event satisfies never;
      return view;
  }
};

/** Milliseconds until the last step at the recent pace; `undefined` until it is stable or when nothing is running. */
export function timeLeft(view: RunView): number | undefined {
  if (view.stepMs === undefined || view.state !== 'running' || view.totalSteps <= 0) return undefined;
  return Math.max(0, view.totalSteps - view.step) * view.stepMs;
}

type Event<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

function start(view: RunView, event: Event<'started'>): RunView {
  const from = event.startStep;
  const { metrics: series, evaluations } = view;
  keepUntil(series.step, from, columnsOf(series));
  keepUntil(evaluations.step, from, [evaluations.loss, evaluations.exactMatch]);
  view.samples = view.samples.filter(one => one.step <= from);
  view.importance = view.importance.filter(one => one.step <= from);
  view.checkpoints = view.checkpoints.filter(one => one.step <= from);
  view.stepTimes = [];
  view.stepMs = undefined;
  view.step = from;
  view.startedAt ??= event.time;
  view.adapter = event.adapter;
  view.totalSteps = event.totalSteps;
  view.trainableParameters = event.trainableParameters;
  view.totalParameters = event.totalParameters;
  view.trainRows = event.trainRows;
  view.evalRows = event.evalRows;
  view.skippedRows = event.skippedRows;
  view.truncatedRows = event.truncatedRows;
  view.stepsPerEpoch = event.stepsPerEpoch;
  return view;
}

function metrics(view: RunView, event: Event<'metrics'>): RunView {
  const series = view.metrics;
  keepUntil(series.step, event.step - 1, columnsOf(series));
  series.step.push(event.step);
  series.loss.push(event.loss);
  series.learningRate.push(event.learningRate);
  series.gradNorm.push(event.gradNorm);
  series.tokensPerSecond.push(event.tokensPerSecond);
  series.tokens.push(event.tokens);
  series.stepMs.push(event.stepMs);
  view.step = event.step;
  view.stepTimes.push(event.stepMs);
  if (view.stepTimes.length > recentSteps) view.stepTimes.shift();
  view.stepMs = view.stepTimes.length < 3 ? undefined : median(view.stepTimes);
  return view;
}

function columnsOf({ step: _, ...columns }: MetricSeries): readonly number[][] {
  return Object.values(columns);
}

function checkpoint(view: RunView, event: Event<'checkpoint'>): RunView {
  const { step, path, evalLoss, best } = event;
  const others = view.checkpoints.filter(one => one.step !== step);
  if (best) for (const one of others) one.best = false;
  view.checkpoints = [...others, { step, path, evalLoss, best }].sort((a, b) => a.step - b.step);
  return view;
}

function warn(view: RunView, warning: RunView['warnings'][number]): RunView {
  const known = view.warnings.some(one => one.code === warning.code && one.message === warning.message);
  if (!known) view.warnings.push(warning);
  return view;
}

function pickTimeline({ points, fixed, peak, transfers, tensors }: Event<'timeline'>): RunView['timeline'] {
  return { points, fixed, peak, transfers, tensors };
}

function pickSample({ step, prompt, completion, tokens }: Event<'sample'>): RunView['samples'][number] {
  return { step, prompt, completion, tokens };
}

/** Drops the rows whose step is above `last` from columns of equal length; steps rise, so only the end is looked at. */
function keepUntil(steps: number[], last: number, columns: readonly unknown[][]): void {
  let length = steps.length;
  while (length > 0 && steps[length - 1] > last) length--;
  if (length === steps.length) return;
  steps.length = length;
  for (const column of columns) column.length = length;
}

/** Folds a whole run. */
export function foldAll(manifest: RunManifest, events: Iterable<RunEvent>): RunView {
  const view = emptyView(manifest);
  for (const event of events) fold(view, event);
  return view;
}
