import type { FileSet, TrainEvent, TrainOutput } from '../../../src/common/run/events';
import { elements, type Tensor } from '../graph/tensor';
import { forecastOf } from '../forecast';
import { timelineDetails } from '../timelineDetails';
import { readCheckpoint, writeCheckpoint } from './checkpoint';
import { Engine } from './engine';
import { evaluateDraws, meanLoss } from './evaluation';
import { loadParameters } from './load';
import type { TrainPorts } from './loop';
import { withMethod, type PreparedRun } from './prepare';
import { parameterCounts } from './programs';
import { generateSamples, matchedShare } from './samples';
import { learningRate } from './schedule';
import { stepValues } from './stepValues';

/** A run under way: where it stands, and what it does between optimizer steps. */
export class Session {
  /** Optimizer steps done (or submitted). */
  step = 0;
  stopped = false;
  readonly totalSteps: number;
  private startStep = 0;
  private evalLoss: { step: number; loss: number } | undefined;
  private best: { step: number; loss: number } | undefined;
  private bestValues: Map<string, Float32Array> | undefined;
  private clock: number | undefined;
  private saved = -1;

  constructor(
    private prepared: PreparedRun,
    private running: Engine,
    readonly ports: TrainPorts,
  ) {
    this.totalSteps = prepared.windows.totalSteps;
  }

  /** The run with the method's present structure. */
  get run(): PreparedRun {
    return this.prepared;
  }

  get engine(): Engine {
    return this.running;
  }

  /** Takes up where a checkpoint left off. */
  restore(files: FileSet | undefined): void {
    if (!files) return;
    const { plan, table } = this.run.programs;
    const sizesOf = (tensors: readonly Tensor[]) =>
      new Map(tensors.map(tensor => [tensor.name, elements(tensor.shape)]));
    const trained = sizesOf(plan.trainables.specs.map(({ tensor }) => tensor));
    const { values, state, best } = readCheckpoint(files, { trained, states: sizesOf(table.methodStates) });
    this.engine.writeTrainables(values);
    this.step = this.startStep = this.saved = state.step;
    if (state.bestStep !== undefined && state.bestLoss !== undefined)
      this.best = { step: state.bestStep, loss: state.bestLoss };
    this.bestValues = best;
  }

  /** Facts of the run, memory, and the picture before the first update. */
  async *opening(): AsyncGenerator<TrainOutput> {
    const { run, ports } = this;
    const counts = parameterCounts(run.programs);
    yield event({
      type: 'started',
      adapter: ports.opened.info,
      totalSteps: this.totalSteps,
      startStep: this.startStep,
      trainableParameters: counts.trainable,
      totalParameters: counts.total,
      trainRows: run.train.examples.length,
      evalRows: run.evaluation?.examples.length ?? 0,
      skippedRows: run.train.skipped + (run.evaluation?.skipped ?? 0),
      truncatedRows: run.train.truncated + (run.evaluation?.truncated ?? 0),
      stepsPerEpoch: run.windows.stepsPerEpoch,
    });
    yield* this.memory();
    await ports.inspect?.(this.engine, this.step);
    if (this.step === 0) yield* this.evaluate();
  }

  /** What the run holds on the device, forecast beside measured, and over a step. */
  private *memory(): Generator<TrainOutput> {
    const forecast = forecastOf(this.run.programs);
    const measured = { ...this.ports.opened.ledger.measured(), ...this.engine.hostBytes() };
    yield event({ type: 'memory', forecast: forecast.bytes, measured });
    yield event({ type: 'timeline', ...forecast.timeline, ...timelineDetails(this.run.programs) });
  }

  /** Lets the method change its structure: a new engine takes the place of the old one, whose buffers are freed. */
  async *evolve(): AsyncGenerator<TrainOutput> {
    const { method } = this.run;
    if (!method.evolvesAt?.(this.step)) return;
    const evolution = method.evolve?.(this.step, await this.engine.readTrainables(true));
    if (!evolution) return;
    this.prepared = withMethod(this.run, evolution.method);
    this.running.dispose();
    this.running = await Engine.create(this.ports.opened, this.prepared.programs, this.ports);
    await loadParameters(this.running, this.prepared);
    this.running.writeTrainables(evolution.values);
    this.clock = undefined;
    // What was best had another structure: its tensors fit this one no more.
    this.best = this.bestValues = undefined;
    yield* this.memory();
  }

  dispose(): void {
    this.running.dispose();
  }

  /** What is due after the current step: evaluation with samples, a checkpoint. */
  async *due(): AsyncGenerator<TrainOutput> {
    if (this.evaluationDue()) yield* this.evaluate();
    const { save_steps: every } = this.run.job.config.training;
    if (every > 0 && this.step % every === 0) yield* this.checkpoint();
  }

  isDue(): boolean {
    const { save_steps: every } = this.run.job.config.training;
    const evolves = this.run.method.evolvesAt?.(this.step) ?? false;
    return evolves || this.evaluationDue() || (every > 0 && this.step % every === 0);
  }

  importanceDue(): boolean {
    const { importance_steps: every } = this.run.job.config.training;
    return every > 0 && (this.step === 1 || this.step % every === 0 || this.step === this.totalSteps);
  }

  async *checkpoint(): AsyncGenerator<TrainOutput> {
    if (this.saved === this.step) return;
    this.saved = this.step;
    const values = await this.engine.readTrainables(true);
    const state = { step: this.step, bestStep: this.best?.step, bestLoss: this.best?.loss };
    const files = writeCheckpoint({ method: this.run.method, values, state, best: this.bestValues });
    const evalLoss = this.evalLoss?.step === this.step ? this.evalLoss.loss : undefined;
    yield { kind: 'checkpoint', step: this.step, files, evalLoss };
    this.clock = undefined;
  }

  /** The result: the last state, or the best one where the config asks for it. */
  async *closing(): AsyncGenerator<TrainOutput> {
    const last = await this.engine.readTrainables(false);
    const values = this.bestValues ?? last.parameters;
    yield { kind: 'result', files: this.run.method.exportFiles(values), stopped: this.stopped };
  }

  /** Words of the Step uniform for a micro-batch of the current step. */
  words(micro: number, lossTokens: number): Uint32Array<ArrayBuffer> {
    const { training } = this.run.job.config;
    return stepValues({
      training,
      groups: this.run.programs.plan.trainables.groups,
      step: Math.max(1, this.step),
      micro,
      learningRate: learningRate(training, this.totalSteps, Math.max(1, this.step)),
      lossTokens,
      method: this.run.method.stepNumbers?.(Math.max(1, this.step)),
      clock: this.run.method.clock?.(Math.max(1, this.step)),
    });
  }

  /** Starts timing when it stands still. */
  resumeClock(): void {
    this.clock ??= this.ports.now();
  }

  /** Milliseconds since the last finished step (or since timing began). */
  lap(): number {
    const now = this.ports.now();
    const elapsed = Math.max(now - (this.clock ?? now), 1e-3);
    this.clock = now;
    return elapsed;
  }

  private evaluationDue(): boolean {
    const { eval_steps: every } = this.run.job.config.training;
    return this.step === this.totalSteps || (every !== undefined && this.step % every === 0);
  }

  private async *evaluate(): AsyncGenerator<TrainOutput> {
    const { evaluation, fewShot } = this.run;
    const context = { engine: this.engine, run: this.run, words: (tokens: number) => this.words(0, tokens) };
    if (fewShot) {
      for await (const found of evaluateDraws(context, fewShot, () => this.goesOn())) yield event(found);
    } else if (evaluation) {
      const { loss, lossTokens } = await meanLoss(context, evaluation.examples);
      const matched = await matchedShare(this.engine, this.run, this.words(0, 1));
      yield event({ type: 'evaluation', step: this.step, loss, lossTokens, ...matched });
      await this.keepBest(loss);
    }
    for await (const sample of generateSamples(this.engine, this.run, this.step, this.words(0, 1))) yield event(sample);
    this.clock = undefined;
  }

  /** Waits while paused; false when the run is to stop. */
  private async goesOn(): Promise<boolean> {
    if ((await this.ports.control.pass()).stop) this.stopped = true;
    return !this.stopped;
  }

  private async keepBest(loss: number): Promise<void> {
    this.evalLoss = { step: this.step, loss };
    if (this.best && this.best.loss <= loss) return;
    this.best = { step: this.step, loss };
    if (this.run.job.config.training.load_best_model_at_end)
      this.bestValues = (await this.engine.readTrainables(false)).parameters;
  }
}

function event(body: TrainEvent): TrainOutput {
  return { kind: 'event', event: body };
}
