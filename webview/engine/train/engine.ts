import { problem } from '../../../src/common/errors';
import type { MemoryBytes, Transfer } from '../../../src/common/run/events';
import { embeddingBuckets } from '../ops/embeddingBuckets';
import { nextLogits } from '../generate/nextLogits';
import { leadOf, newRows, padTo, type MicroBatch } from '../data/batches';
import type { Tensor } from '../graph/tensor';
import { GraphBuilder } from '../graph/builder';
import { mlpInputs } from '../model/build';
import { frozenLabel } from '../memory/enginePlan';
import { hostBytes } from '../memory/hostPlan';
import { termScalar, type EngineValues } from '../methods/method';
import { elements } from '../graph/tensor';
import type { OpenDevice } from '../runtime/device';
import { Executor, type ExecutorPorts, type Loaded } from '../runtime/executor';
import { openScratch, type Disk } from '../runtime/scratch';
import { recordModel, type ModelProgram } from './modelPrograms';
import { ratesOf } from './stepValues';
import { roundStream, type EnginePrograms } from './programs';

/** Accumulators of one optimizer step. */
export interface StepScalars {
  /** Σ of token losses over the window. */
  readonly lossSum: number;
  /** Global gradient norm before clipping. */
  readonly gradNorm: number;
  /** What the method adds to the loss, by name. */
  readonly terms?: Readonly<Record<string, number>>;
}

/** What an engine takes over, and what it needs of the platform. */
export interface EnginePorts extends Omit<ExecutorPorts, 'scratch'> {
  /** For what waits on a disk. */
  readonly disk?: Disk;
}

/** A window that is updated, as far as what comes next can tell. */
export interface FinishedWindow {
  /** Arrive when the device has computed them. */
  readonly scalars: Promise<StepScalars>;
}

/** A planned run on a device: one call per optimizer step, evaluation batch or generated token. */
export class Engine {
  private readonly executor: Executor;
  private readonly loaded = new Map<string, Loaded>();
  private readonly inputs: ReadonlyMap<string, Tensor>;

  private constructor(
    opened: OpenDevice,
    readonly programs: EnginePrograms,
    ports: ExecutorPorts,
  ) {
    this.executor = new Executor(opened, programs.plan, ports);
    this.inputs = new Map(programs.table.inputs.map(tensor => [tensor.name, tensor]));
  }

  /**
   * Creates the buffers of the plan and compiles every kernel of the run, in parallel. Throws what `openScratch` throws
   * where the plan needs a disk.
   */
  static async create(opened: OpenDevice, programs: EnginePrograms, ports: EnginePorts = {}): Promise<Engine> {
    const onDisk = hostBytes(programs.plan.host).offloadedDisk ?? 0;
    const scratch = onDisk > 0 ? await openScratch(onDisk, ports.disk) : undefined;
    let engine: Engine | undefined;
    try {
      engine = new Engine(opened, programs, { ...ports, scratch });
      await engine.executor.prepare(Object.values(programs.largest).map(program => program.dispatches));
      return engine;
    } catch (error) {
      engine?.dispose();
      scratch?.close();
      throw error;
    }
  }

  /** Uploads words of one parameter from word `at` on: f32 values, or packed halves for an f16 tensor. */
  upload(tensor: Tensor, data: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>, at = 0): void {
    this.executor.write(tensor, data, at);
  }

  /** Starts an accumulation window: zeroes gradients and accumulators. */
  beginWindow(): void {
    this.executor.clearBuffers(this.programs.plan.trainables.gradientBuffers);
    this.executor.clear([this.programs.scalars]);
  }

  /** Forward and backward of one micro-batch; gradients and loss add to the window's. */
  accumulate(batch: MicroBatch, step: Uint32Array<ArrayBuffer>): Promise<void> {
    return this.runBatch('train', batch, step);
  }

  /**
   * Clips and updates. Resolves when the next window may begin: at once, or after AdamW on the host. The accumulators
   * may come later.
   */
  async finishWindow(step: Uint32Array<ArrayBuffer>): Promise<FinishedWindow> {
    const { plan, spec } = this.programs;
    this.executor.writeStep(step);
    await this.executor.runStreamed(this.load('optimizer'), true);
    const values = this.accumulators();
    if (plan.hostOptimizer) {
      const squares = (await values)[1];
      // As on the device: what is not finite changes nothing.
      if (Number.isFinite(squares))
        await this.executor.updateOnHost(group => ratesOf(step, group, spec.betas, squares));
    }
    this.executor.run(this.load('afterUpdate'));
    return { scalars: values.then(found => this.scalarsOf(found)) };
  }

  /** Measures importance on the gradients of the step just finished. */
  async importance(): Promise<Float32Array | undefined> {
    const plan = this.programs.importance;
    if (!plan) return undefined;
    this.executor.run(this.load('importance'));
    return this.executor.snapshot(plan.output, plan.count);
  }

  /** Σ of token losses over one evaluation batch, dropout off. */
  async evaluate(batch: MicroBatch, step: Uint32Array<ArrayBuffer>): Promise<number> {
    this.executor.clear([this.programs.scalars]);
    await this.runBatch('evaluate', batch, step);
    return this.scalarsOf(await this.accumulators()).lossSum;
  }

  /** Next-token logits [V] after a text, in the way the run was planned for, without what an earlier text left. */
  logits(tokens: readonly number[], step: Uint32Array<ArrayBuffer>): Promise<Float32Array> {
    return nextLogits(this, step).after(tokens);
  }

  /**
   * Next-token logits [V] after a whole text, by a full pass. `tokens` hold the method's placeholders, if it has any;
   * the first one stands at `firstPosition`.
   */
  async passOver(
    tokens: readonly number[],
    firstPosition: number,
    step: Uint32Array<ArrayBuffer>,
  ): Promise<Float32Array> {
    const count = tokens.length;
    const ids = Uint32Array.from(tokens);
    const batch: MicroBatch = {
      tokens: ids,
      positions: ids.map((_, index) => firstPosition + index),
      segmentStart: new Uint32Array(count),
      segmentEnd: new Uint32Array(count).fill(count),
      labels: new Uint32Array(count),
      lossTokens: 0,
      count,
    };
    this.write('logits_row', Uint32Array.of(count - 1));
    await this.runBatch('generate', batch, step);
    return this.readLogits('generate');
  }

  /** Empties the key-value cache, then puts the method's prefix into its first rows. */
  resetCache(step: Uint32Array<ArrayBuffer>): void {
    const { table, largest } = this.programs;
    this.executor.clear(table.caches);
    this.executor.writeStep(step);
    if (largest.preload.dispatches.length > 0) this.executor.run(this.load('preload'));
  }

  /** Next-token logits [V] after new tokens at `first` and on; what stands before them is in the cache. */
  async feed(tokens: readonly number[], first: number, step: Uint32Array<ArrayBuffer>): Promise<Float32Array> {
    const { cache, method } = this.programs.spec;
    if (!cache || first + tokens.length > cache.rows)
      throw problem('engine.cache', 'The text is longer than the key-value cache.', 'Lower samples.max_new_tokens.');
    const placeholders = leadOf(method.virtualTokens).placeholders;
    const name: ModelProgram = tokens.length === 1 && first >= placeholders ? 'decode' : 'prefill';
    for (let start = 0; start < tokens.length; start += cache.prefill) {
      const batch = newRows(tokens.slice(start, start + cache.prefill), first + start);
      this.write('logits_row', Uint32Array.of(batch.count - 1));
      const S = name === 'decode' ? 1 : roundStream(batch.count);
      const rows = new Uint32Array(S).fill(cache.rows);
      rows.set(batch.positions);
      this.write('cache_rows', rows);
      await this.runBatch(name, batch, step, S);
    }
    return this.readLogits(name);
  }

  /** Reads trained tensors and, for checkpoints, their moments and the method's state. */
  async readTrainables(withMoments: boolean): Promise<EngineValues> {
    const values: EngineValues = { parameters: new Map(), m: new Map(), v: new Map(), states: new Map() };
    for (const { tensor } of this.programs.plan.trainables.specs) {
      const { m, v } = this.twin(tensor);
      const count = elements(tensor.shape);
      values.parameters.set(tensor.name, await this.executor.read(tensor, count));
      if (!withMoments) continue;
      values.m.set(tensor.name, await this.executor.read(m, count));
      values.v.set(tensor.name, await this.executor.read(v, count));
    }
    if (withMoments)
      for (const state of this.programs.table.methodStates)
        values.states.set(state.name, await this.executor.read(state, elements(state.shape)));
    return values;
  }

  /** Keys and values of the text in the cache by name, see `blockCache`; the last row belongs to no token. */
  async readCaches(): Promise<Map<string, Float32Array>> {
    const caches = new Map<string, Float32Array>();
    for (const cache of this.programs.table.caches)
      caches.set(cache.name, await this.executor.read(cache, elements(cache.shape)));
    return caches;
  }

  /** Gradients of the last window, by parameter name. */
  async readGradients(): Promise<Map<string, Float32Array>> {
    const gradients = new Map<string, Float32Array>();
    for (const { tensor } of this.programs.plan.trainables.specs)
      gradients.set(tensor.name, await this.executor.read(this.twin(tensor).gradient, elements(tensor.shape)));
    return gradients;
  }

  /** Puts trained tensors, and moments and states where given, back. */
  writeTrainables(values: EngineValues): void {
    for (const { tensor } of this.programs.plan.trainables.specs) {
      const twin = this.twin(tensor);
      const pairs = [
        [tensor, values.parameters.get(tensor.name)],
        [twin.m, values.m.get(tensor.name)],
        [twin.v, values.v.get(tensor.name)],
      ] as const;
      for (const [target, data] of pairs) if (data) this.executor.write(target, new Float32Array(data));
    }
    for (const state of this.programs.table.methodStates) {
      const data = values.states.get(state.name);
      if (data) this.executor.write(state, new Float32Array(data));
    }
  }

  /** Bytes on the host that stand in for device memory. */
  hostBytes(): MemoryBytes {
    return this.executor.hostBytes();
  }

  /** What moved between host and device since the last call. */
  takeTransfers(): readonly Transfer[] {
    return this.executor.takeTransfers();
  }

  idle(): Promise<void> {
    return this.executor.idle();
  }

  dispose(): void {
    this.executor.dispose();
  }

  /** Ends this engine and gives the buffers of its frozen weights to the next one, which must have the same. */
  bequeathWeights(): GPUBuffer[] {
    return this.executor.bequeath([frozenLabel('weights')]);
  }

  private accumulators(): Promise<Float32Array> {
    const { scalars, spec } = this.programs;
    return this.executor.snapshot(scalars, termScalar + (spec.method.terms ?? []).length);
  }

  private scalarsOf(values: Float32Array): StepScalars {
    const names = this.programs.spec.method.terms ?? [];
    const terms = Object.fromEntries(names.map((name, index) => [name, values[termScalar + index]]));
    return { lossSum: values[0], gradNorm: Math.sqrt(values[1]), ...(names.length > 0 ? { terms } : {}) };
  }

  /** What the last token fed to the cache gave to each block's MLP, [layers, d]; needs `CacheSize.observed`. */
  mlpInputs(): Promise<Float32Array> {
    const { table, spec } = this.programs;
    return this.executor.read(mlpInputs(new GraphBuilder(table), spec.model));
  }

  private readLogits(name: ModelProgram): Promise<Float32Array> {
    const logits = this.programs.logits[name];
    if (!logits) throw problem('engine.generate', 'This run planned no generation.', 'Add samples.prompts.');
    return this.executor.read(logits, elements(logits.shape));
  }

  private async runBatch(
    name: ModelProgram,
    batch: MicroBatch,
    step: Uint32Array<ArrayBuffer>,
    S = roundStream(batch.count),
  ): Promise<void> {
    const program = await this.loadModel(name, S);
    const padded = padTo(batch, S);
    this.write('tokens', padded.tokens);
    this.write('positions', padded.positions);
    this.write('segment_start', padded.segmentStart);
    this.write('segment_end', padded.segmentEnd);
    if (name === 'train' || name === 'evaluate') this.write('labels', padded.labels);
    if (name === 'train' && this.inputs.has('bucket_ids')) this.writeBuckets(padded.tokens);
    this.executor.writeStep(step);
    await this.executor.runStreamed(program);
  }

  private writeBuckets(tokens: Uint32Array): void {
    const buckets = embeddingBuckets(tokens);
    this.write('bucket_ids', buckets.unique);
    this.write('bucket_starts', buckets.start);
    this.write('bucket_order', buckets.order);
  }

  private write(name: string, data: Uint32Array): void {
    const tensor = this.inputs.get(name);
    if (tensor) this.executor.write(tensor, new Uint32Array(data));
  }

  private twin(tensor: Tensor) {
    const twin = this.programs.plan.trainables.twins.get(tensor.id);
    if (!twin) throw problem('engine.twin', `${tensor.name} is not trained.`, 'This is a defect in the engine.');
    return twin;
  }

  private load(name: 'optimizer' | 'afterUpdate' | 'importance' | 'preload'): Loaded {
    const { largest, plan } = this.programs;
    const known = this.loaded.get(name) ?? this.executor.load(largest[name], plan.regions[name]);
    this.loaded.set(name, known);
    return known;
  }

  /** A smaller stream may choose other kernel variants than the largest did, so its kernels are prepared too. */
  private async loadModel(name: ModelProgram, S: number): Promise<Loaded> {
    const key = `${name}:${S}`;
    const known = this.loaded.get(key);
    if (known) return known;
    const { spec, table, plan } = this.programs;
    const { program } = recordModel(spec, table, name, S);
    await this.executor.prepare([program.dispatches]);
    const made = this.executor.load(program, plan.regions[name]);
    this.loaded.set(key, made);
    return made;
  }
}
