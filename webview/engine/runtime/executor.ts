import { problem } from '../../../src/common/errors';
import type { MemoryBytes, Transfer } from '../../../src/common/run/events';
import type { Dispatch, Program } from '../graph/recorder';
import { elements, type Tensor } from '../graph/tensor';
import type { HostOptimizerPlan } from '../memory/hostOptimizer';
import { align, alignment, type BufferSpec, type Placement } from '../memory/layout';
import type { ParkingPlan } from '../memory/parking';
import { sectionsOf, type Section } from '../memory/sections';
import { bytesOf, type StreamPlan, type StreamUnit } from '../memory/streams';
import type { AdamWRates } from '../ops/adamwOnHost';
import { HostMemory } from './hostMemory';
import { HostOptimizer } from './hostOptimizer';
import type { Scratch } from './scratch';
import { Transfers } from './transfers';
import type { Kernel } from './kernel';
import type { OpenDevice } from './device';
import type { PipelineCache } from './pipelines';
import { encodeParams } from './params';
import { Parking } from './parking';
import { WeightStream } from './weightStream';

/** A region of the parameter buffer: one program at a time holds its dispatches' parameters there. */
export interface ParamRegion {
  readonly offset: number;
  readonly dispatches: number;
}

/** A program bound to buffers and pipelines, ready to be encoded again and again. */
export interface Loaded {
  readonly region: ParamRegion;
  readonly params: Uint32Array<ArrayBuffer>;
  readonly calls: readonly {
    pipeline: GPUComputePipeline;
    group: GPUBindGroup;
    grid: readonly [number, number, number];
  }[];
  readonly sections: readonly Section[];
}

export interface ExecutorOptions {
  readonly buffers: readonly BufferSpec[];
  readonly placements: ReadonlyMap<number, Placement>;
  /** Index of the uniform buffer for dispatch parameters, of the step values, and of the read-back buffer. */
  readonly paramBuffer: number;
  readonly stepBuffer: number;
  readonly readbackBuffer: number;
  /** Small read-back buffers for values that must be copied before the next step overwrites them. */
  readonly ringBuffers: readonly number[];
  /** Weights that wait on the host. */
  readonly streams?: StreamPlan;
  /** Moments that the host keeps, with AdamW done there. */
  readonly hostOptimizer?: HostOptimizerPlan;
  /** Activations that wait on the host. */
  readonly parking?: ParkingPlan;
  /** Bounds the work of one submission, so that drivers with a watchdog never see a long one. */
  readonly dispatchesPerSubmit?: number;
}

/** What an executor takes over, and what it needs of the platform. */
export interface ExecutorPorts {
  /** Buffers of an executor that is gone; those with the right label and size are used as they are. */
  readonly inherited?: readonly GPUBuffer[];
  /** Milliseconds of a monotonic clock; without one transfers seem to take no time. */
  readonly now?: () => number;
  /** The file of what waits on a disk; the executor removes it at its end. */
  readonly scratch?: Scratch;
}

/** Owns the device's buffers and replays programs on them. Creates exactly the buffers of its layout, nothing else. */
export class Executor {
  private readonly device: GPUDevice;
  private readonly pipelines: PipelineCache;
  private readonly buffers: GPUBuffer[];
  private readonly groups = new Map<string, GPUBindGroup>();
  private readonly inRegion = new Map<number, Loaded>();
  private readonly parameterGroup: GPUBindGroup;
  private reading: Promise<unknown> = Promise.resolve();
  private readonly freeSlots: GPUBuffer[];
  private failure: string | undefined;
  private readonly host: HostMemory;
  private readonly transfers: Transfers;
  private readonly stream: WeightStream | undefined;
  private readonly optimizer: HostOptimizer | undefined;
  private readonly parking: Parking | undefined;

  constructor(
    opened: OpenDevice,
    private readonly options: ExecutorOptions,
    { inherited = [], now = () => 0, scratch }: ExecutorPorts = {},
  ) {
    const { device, pipelines } = opened;
    this.device = device;
    this.pipelines = pipelines;
    device.addEventListener('uncapturederror', this.noticeError);
    this.buffers = options.buffers.map(spec => {
      const label = labelOf(spec);
      const known = inherited.find(buffer => buffer.label === label && buffer.size === spec.bytes);
      return known ?? device.createBuffer({ label, size: spec.bytes, usage: usageOf(spec) });
    });
    const { streams, placements, hostOptimizer, parking } = options;
    this.host = new HostMemory(scratch);
    this.transfers = new Transfers(now);
    const target = { gpu: device, buffers: this.buffers, placements };
    this.stream = streams && new WeightStream(streams, target, this.host, this.transfers);
    this.optimizer =
      hostOptimizer &&
      new HostOptimizer(hostOptimizer, target, { host: this.host, stream: this.stream }, this.transfers);
    this.parking = parking && new Parking(parking, target, this.host, this.transfers);
    this.freeSlots = options.ringBuffers.map(index => this.buffers[index]);
    this.parameterGroup = device.createBindGroup({
      layout: this.pipelines.parameterLayout,
      entries: [
        { binding: 0, resource: { buffer: this.buffers[options.paramBuffer], size: 64 } },
        { binding: 1, resource: { buffer: this.buffers[options.stepBuffer] } },
      ],
    });
  }

  /** Compiles the kernels of several programs in parallel. */
  async prepare(programs: readonly (readonly Dispatch[])[]): Promise<void> {
    const kernels: Kernel[] = programs.flatMap(dispatches => dispatches.map(dispatch => dispatch.kernel));
    await this.pipelines.prepare(kernels);
    this.check();
  }

  /** Binds a program; its kernels must have been prepared. */
  load(program: Pick<Program, 'dispatches' | 'parked'>, region: ParamRegion): Loaded {
    const { dispatches } = program;
    if (dispatches.length > region.dispatches)
      throw problem('engine.region', 'A program is longer than its plan.', 'This is a defect in the planner.');
    return {
      region,
      params: encodeParams(dispatches),
      calls: dispatches.map(dispatch => ({
        pipeline: this.pipelines.get(dispatch.kernel),
        group: this.bindGroup(dispatch),
        grid: dispatch.grid,
      })),
      sections: sectionsOf(program, this.options.streams),
    };
  }

  /** Encodes and submits a loaded program that uses nothing on the host. Returns at once; the queue keeps the order. */
  run(loaded: Loaded): void {
    if (loaded.sections.some(({ unit, back, out }) => unit ?? back[0] ?? out[0]))
      throw problem('engine.stream', 'A program needs something on the host.', 'This is a defect in the engine.');
    this.begin(loaded);
    for (const section of loaded.sections) this.submit(loaded, section);
  }

  /**
   * Like `run`, for any program: brings each section's weights and activations before it, the weights of the next one
   * while it computes, and takes activations away behind it. With `updates`, what trains of a section's weights goes back
   * too. Resolves when everything is submitted.
   */
  async runStreamed(loaded: Loaded, updates = false): Promise<void> {
    this.begin(loaded);
    const { sections } = loaded;
    for (const [index, section] of sections.entries()) {
      const { unit, back, out } = section;
      if (unit) await this.stream?.bring(unit);
      for (const one of back) await this.parking?.back(one);
      this.submit(loaded, section);
      if (unit) this.stream?.used(unit);
      if (back.length > 0) this.parking?.used();
      for (const one of out) await this.parking?.out(one);
      const next = sections.at(index + 1)?.unit;
      if (next && next.slot !== unit?.slot) await this.stream?.bring(next);
      if (unit && updates) await this.takeBack(unit);
    }
  }

  /** Puts the trained tensors of a unit, updated in its slot, where they wait. */
  private async takeBack({ name, trained }: StreamUnit): Promise<void> {
    const transfer = { kind: 'parameters', direction: 'down', what: name, bytes: bytesOf(trained) } as const;
    await this.transfers.timed(transfer, async () => {
      for (const tensor of trained) this.stream?.keep(tensor, await this.copyBack(tensor, elements(tensor.shape)));
    });
  }

  private begin(loaded: Loaded): void {
    this.check();
    const { region } = loaded;
    if (this.inRegion.get(region.offset) === loaded) return;
    this.device.queue.writeBuffer(this.buffers[this.options.paramBuffer], region.offset, loaded.params);
    this.inRegion.set(region.offset, loaded);
  }

  private submit({ region, calls }: Loaded, { from, to }: Section): void {
    const batch = this.options.dispatchesPerSubmit ?? 256;
    for (let start = from; start < to; start += batch) {
      const encoder = this.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      const end = Math.min(to, start + batch);
      for (let index = start; index < end; index++) {
        const call = calls[index];
        pass.setPipeline(call.pipeline);
        pass.setBindGroup(0, call.group);
        pass.setBindGroup(1, this.parameterGroup, [region.offset + index * alignment]);
        pass.dispatchWorkgroups(call.grid[0], call.grid[1], call.grid[2]);
      }
      pass.end();
      this.device.queue.submit([encoder.finish()]);
    }
  }

  /** Zeroes whole tensors, by clearing the ranges they occupy. */
  clear(tensors: readonly Tensor[]): void {
    const encoder = this.device.createCommandEncoder();
    for (const tensor of tensors) {
      const place = this.place(tensor);
      encoder.clearBuffer(this.buffers[place.buffer], place.offset, align(place.bytes));
    }
    this.device.queue.submit([encoder.finish()]);
  }

  /** Zeroes a whole buffer of the layout. */
  clearBuffers(indices: readonly number[]): void {
    const encoder = this.device.createCommandEncoder();
    for (const index of indices) encoder.clearBuffer(this.buffers[index]);
    this.device.queue.submit([encoder.finish()]);
  }

  writeStep(words: Uint32Array<ArrayBuffer>): void {
    this.device.queue.writeBuffer(this.buffers[this.options.stepBuffer], 0, words);
  }

  /** Writes words of a tensor from word `at` on. */
  write(tensor: Tensor, data: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>, at = 0): void {
    if (this.stream?.unitOf(tensor)) {
      this.stream.store(tensor, data, at);
      return;
    }
    this.optimizer?.write(tensor, data, at);
    if (this.optimizer?.has(tensor)) return;
    const place = this.place(tensor);
    if (at * 4 + data.byteLength > align(place.bytes))
      throw problem(
        'engine.write',
        `${data.length} values do not fit ${tensor.name}.`,
        'This is a defect in the engine.',
      );
    this.device.queue.writeBuffer(this.buffers[place.buffer], place.offset + at * 4, data);
  }

  /** Copies a tensor back, through the read-back buffer in pieces. Calls queue up, so callers need not wait in turn. */
  read(tensor: Tensor, count = elements(tensor.shape)): Promise<Float32Array<ArrayBuffer>> {
    if (this.optimizer?.has(tensor)) return Promise.resolve(this.optimizer.read(tensor, count));
    if (!this.stream?.unitOf(tensor)) return this.copyBack(tensor, count);
    const values = new Float32Array(count);
    this.stream.read(tensor, new Uint32Array(values.buffer));
    return Promise.resolve(values);
  }

  private copyBack(tensor: Tensor, count: number): Promise<Float32Array<ArrayBuffer>> {
    const result = this.reading.then(() => this.readNow(tensor, count));
    this.reading = result.catch(() => undefined);
    return result;
  }

  /**
   * Copies the first `count` values of a tensor as they are at this point of the queue, then reads them. The copy is
   * submitted before this returns, so later steps may overwrite the tensor while the read is under way.
   */
  async snapshot(tensor: Tensor, count: number): Promise<Float32Array<ArrayBuffer>> {
    const slot = this.freeSlots.pop();
    if (!slot) throw problem('engine.ring', 'Too many steps are in flight.', 'This is a defect in the train loop.');
    const place = this.place(tensor);
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.buffers[place.buffer], place.offset, slot, 0, count * 4);
    this.device.queue.submit([encoder.finish()]);
    await slot.mapAsync(GPUMapMode.READ, 0, count * 4);
    const result = new Float32Array(slot.getMappedRange(0, count * 4).slice(0));
    slot.unmap();
    this.freeSlots.push(slot);
    this.check();
    return result;
  }

  /** Resolves when all submitted work is done. */
  async idle(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
    this.check();
  }

  /** Throws what the device reported since the last check: later results would be built on invalid buffers. */
  check(): void {
    if (this.failure === undefined) return;
    throw problem(
      'gpu.error',
      `The GPU refused a command: ${this.failure}.`,
      'Run GPU Doctor; resume from the last checkpoint.',
    );
  }

  /** One AdamW step on the host, where the plan says so; `ratesOf` gives the numbers of a parameter group. */
  async updateOnHost(ratesOf: (group: number) => AdamWRates): Promise<void> {
    await this.optimizer?.update(ratesOf);
    this.check();
  }

  /** Bytes on the host that stand in for device memory. */
  hostBytes(): MemoryBytes {
    return this.host.measured();
  }

  /** What moved between host and device since the last call. */
  takeTransfers(): readonly Transfer[] {
    return this.transfers.take();
  }

  dispose(): void {
    this.bequeath([]);
  }

  /** Ends like `dispose`, but leaves the buffers with these labels (without their category) alive and gives them away. */
  bequeath(labels: readonly string[]): GPUBuffer[] {
    this.device.removeEventListener('uncapturederror', this.noticeError);
    const kept = this.options.buffers.map(spec => labels.some(label => spec.label.startsWith(label)));
    this.buffers.forEach((buffer, index) => !kept[index] && buffer.destroy());
    this.host.dispose();
    return this.buffers.filter((_, index) => kept[index]);
  }

  private readonly noticeError = (event: GPUUncapturedErrorEvent): void => {
    this.failure ??= event.error.message;
  };

  private async readNow(tensor: Tensor, count: number): Promise<Float32Array<ArrayBuffer>> {
    const place = this.place(tensor);
    const staging = this.buffers[this.options.readbackBuffer];
    const result = new Float32Array(count);
    const piece = staging.size / 4;
    for (let start = 0; start < count; start += piece) {
      const length = Math.min(piece, count - start);
      const encoder = this.device.createCommandEncoder();
      encoder.copyBufferToBuffer(this.buffers[place.buffer], place.offset + start * 4, staging, 0, length * 4);
      this.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ, 0, length * 4);
      result.set(new Float32Array(staging.getMappedRange(0, length * 4)), start);
      staging.unmap();
    }
    this.check();
    return result;
  }

  private place(tensor: Tensor): Placement {
    const place = this.options.placements.get(tensor.id);
    if (!place) throw problem('engine.place', `${tensor.name} has no memory.`, 'This is a defect in the planner.');
    return place;
  }

  private bindGroup(dispatch: Dispatch): GPUBindGroup {
    const places = dispatch.bindings.map(tensor => this.place(tensor));
    const key = `${dispatch.kernel.bindings};${places.map(p => `${p.buffer}:${p.offset}:${p.bytes}`).join(',')}`;
    let group = this.groups.get(key);
    if (!group) {
      const entries = places.map((place, binding) => ({
        binding,
        // Whole vec4s: the padding up to the next slot belongs to this tensor.
        resource: { buffer: this.buffers[place.buffer], offset: place.offset, size: Math.ceil(place.bytes / 16) * 16 },
      }));
      group = this.device.createBindGroup({ layout: this.pipelines.storageLayout(dispatch.kernel.bindings), entries });
      this.groups.set(key, group);
    }
    return group;
  }
}

function labelOf(spec: BufferSpec): string {
  return `${spec.category}: ${spec.label}`;
}

function usageOf(spec: BufferSpec): number {
  if (spec.usage === 'uniform') return GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  if (spec.usage === 'readback') return GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  return GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
}
