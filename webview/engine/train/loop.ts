import { problem } from '../../../src/common/errors';
import type { TrainJob } from '../../../src/common/protocol';
import type { TrainEvent, TrainOutput, Transfer } from '../../../src/common/run/events';
import { leadOf, packBatch } from '../data/batches';
import type { OpenDevice } from '../runtime/device';
import type { Disk } from '../runtime/scratch';
import type { ImportancePlan } from '../methods/method';
import type { RunControl } from './control';
import { Engine, type StepScalars } from './engine';
import { frozenModel } from './frozenModel';
import { loadParameters } from './load';
import { prepareRun } from './prepare';
import { learningRate } from './schedule';
import { Session } from './session';

/** What the loop needs of its surroundings; it knows no clock, no file and no messages. */
export interface TrainPorts {
  readonly opened: OpenDevice;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  readonly control: RunControl;
  /** For what is offloaded to a disk. */
  readonly disk?: Disk;
  /** Lets tests and the parity harness look at the device between steps. */
  readonly inspect?: (engine: Engine, step: number) => Promise<void>;
}

interface InFlight {
  readonly step: number;
  readonly lossTokens: number;
  readonly tokens: number;
  readonly scalars: Promise<StepScalars>;
  readonly transfers: readonly Transfer[];
  readonly importance?: Promise<Float32Array | undefined>;
  readonly plan?: ImportancePlan;
}

/** More would only grow the queue: the device is busy with one step while the next waits. */
const mostInFlight = 2;

/**
 * Trains a job to its end, yielding events, checkpoints and the result. Ends early when `control` says stop. Throws a
 * problem for bad input, non-finite numbers and a lost device; everything yielded before stays valid.
 */
export async function* train(job: TrainJob, ports: TrainPorts): AsyncGenerator<TrainOutput> {
  const { info, profile } = ports.opened;
  const run = prepareRun(job, { limits: info.limits, profile });
  if (!job.checkpoint) await run.method.prepare?.(frozenModel(ports, run));
  const session = new Session(run, await Engine.create(ports.opened, run.programs, ports), ports);
  try {
    await loadParameters(session.engine, run);
    session.restore(job.checkpoint);
    yield* session.opening();
    yield* optimize(session);
    yield* session.closing();
  } finally {
    session.dispose();
  }
}

async function* optimize(session: Session): AsyncGenerator<TrainOutput> {
  const { control } = session.ports;
  const inFlight: InFlight[] = [];
  while (session.step < session.totalSteps) {
    if (control.wouldWait) yield* settle(session, inFlight, 0);
    const gate = await control.pass();
    if (gate.stop) session.stopped = true;
    if (gate.stop || gate.checkpoint) yield* session.checkpoint();
    if (gate.stop) return;
    if (gate.checkpoint) continue;
    session.resumeClock();
    inFlight.push(await submitStep(session));
    yield* settle(session, inFlight, session.isDue() || session.ports.inspect ? 0 : mostInFlight - 1);
    await session.ports.inspect?.(session.engine, session.step);
    yield* session.evolve();
    yield* session.due();
  }
}

/** One optimizer step: the window's micro-batches forward and backward, gradients added, one clip, one update. */
async function submitStep(session: Session): Promise<InFlight> {
  const { engine, run } = session;
  const step = ++session.step;
  const lead = leadOf(run.method.virtualTokens);
  const batches = run.windows.window(step - 1).map(rows => packBatch(run.train.examples, rows, lead));
  const lossTokens = batches.reduce((sum, batch) => sum + batch.lossTokens, 0);
  const tokens = batches.reduce((sum, batch) => sum + batch.count, 0);
  // What an evaluation moved is not the step's.
  engine.takeTransfers();
  engine.beginWindow();
  for (const [micro, batch] of batches.entries()) await engine.accumulate(batch, session.words(micro, lossTokens));
  const { scalars } = await engine.finishWindow(session.words(0, lossTokens));
  const importance = session.importanceDue() ? engine.importance() : undefined;
  const transfers = engine.takeTransfers();
  return { step, lossTokens, tokens, scalars, transfers, importance, plan: run.programs.importance };
}

/** Waits until at most `most` steps are in flight, reporting those that finish, in order. */
async function* settle(session: Session, inFlight: InFlight[], most: number): AsyncGenerator<TrainOutput> {
  while (inFlight.length > most) {
    const done = inFlight.shift() as InFlight;
    const scalars = await done.scalars;
    yield { kind: 'event', event: metricsOf(session, done, scalars) };
    if (done.transfers.length > 0) yield { kind: 'event', event: transfersOf(done) };
    const values = await done.importance;
    const report = values && done.plan?.report(values, done.step);
    if (report) yield { kind: 'event', event: { type: 'importance', step: done.step, ...report } };
  }
}

function transfersOf({ step, transfers, importance }: InFlight): TrainEvent {
  const sum = (part: (transfer: Transfer) => number) => transfers.reduce((total, one) => total + part(one), 0);
  return {
    type: 'transfers',
    step,
    up: sum(({ direction, bytes }) => (direction === 'up' ? bytes : 0)),
    down: sum(({ direction, bytes }) => (direction === 'down' ? bytes : 0)),
    ms: sum(({ ms }) => ms),
    ...(importance ? { list: transfers } : {}),
  };
}

function metricsOf(session: Session, { step, lossTokens, tokens }: InFlight, scalars: StepScalars): TrainEvent {
  const loss = scalars.lossSum / lossTokens;
  const { gradNorm } = scalars;
  if (!Number.isFinite(loss) || !Number.isFinite(gradNorm))
    throw problem(
      'train.nonfinite',
      `Step ${step}: the ${Number.isFinite(loss) ? 'gradient norm' : 'loss'} is not a finite number.`,
      'Lower training.learning_rate or add warm-up, and resume from the last checkpoint; the weights were left unchanged.',
    );
  const stepMs = session.lap();
  const { training } = session.run.job.config;
  return {
    type: 'metrics',
    step,
    loss,
    learningRate: learningRate(training, session.totalSteps, step),
    gradNorm,
    lossTokens,
    tokens,
    epoch: session.run.windows.epochAt(step),
    stepMs,
    tokensPerSecond: (tokens * 1000) / stepMs,
    ...(scalars.terms ? { terms: scalars.terms } : {}),
  };
}
