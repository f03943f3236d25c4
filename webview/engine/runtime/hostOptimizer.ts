import type { Tensor } from '../graph/tensor';
import { downBytes, upBytes, type HostChunk, type HostOptimizerPlan, type HostRange } from '../memory/hostOptimizer';
import type { Placement } from '../memory/layout';
import type { Twins } from '../memory/trainables';
import { adamwOnHost, type AdamWRates } from '../ops/adamwOnHost';
import type { HostBlock, HostMemory } from './hostMemory';
import type { Transfers } from './transfers';
import type { StreamDevice, WeightStream } from './weightStream';

/** Words of the host and the place of a tensor in them. */
interface HostPlace {
  readonly block: HostBlock;
  readonly from: number;
}

interface RangeState {
  readonly m: HostBlock;
  readonly v: HostBlock;
  readonly copy: HostBlock | undefined;
}

/** Keeps the moments of what trains on the host, and does AdamW there: gradients come down, parameters go up. */
export class HostOptimizer {
  private readonly states = new Map<HostRange, RangeState>();
  /** Moments by their own ids, copies of values by those of the parameters. */
  private readonly places = new Map<number, HostPlace>();
  /** Where streamed ranges wait. */
  private readonly stream: WeightStream | undefined;
  private readonly adamw = adamwOnHost();
  private readonly scratch: Record<'parameter' | 'm' | 'v', Float32Array<ArrayBuffer>>;

  constructor(
    private readonly plan: HostOptimizerPlan,
    private readonly device: StreamDevice,
    { host, stream }: { readonly host: HostMemory; readonly stream: WeightStream | undefined },
    private readonly transfers: Transfers,
  ) {
    this.stream = stream;
    for (const of of plan.ranges) {
      const block = () => host.allocate(of.range.count * 4, plan.place);
      const state = { m: block(), v: block(), copy: of.values === 'copied' ? block() : undefined };
      this.states.set(of, state);
      for (const { tensor } of of.range.members) {
        const { gradient, m, v } = plan.twins.get(tensor.id) as Twins;
        const from = (this.place(gradient).offset - this.place(of.range.gradient).offset) / 4;
        this.places.set(m.id, { block: state.m, from });
        this.places.set(v.id, { block: state.v, from });
        if (state.copy) this.places.set(tensor.id, { block: state.copy, from });
      }
    }
    const values = () => new Float32Array(plan.chunkValues);
    this.scratch = { parameter: values(), m: values(), v: values() };
  }

  /** Whether `tensor` is here and nowhere else: a moment. */
  has(tensor: Tensor): boolean {
    return tensor.role === 'state' && this.places.has(tensor.id);
  }

  read(tensor: Tensor, count: number): Float32Array<ArrayBuffer> {
    const result = new Float32Array(count);
    const place = this.places.get(tensor.id);
    place?.block.read(place.from, words(result));
    return result;
  }

  /** Takes over values of a moment, or of a parameter that the host has a copy of; others are none of its business. */
  write(tensor: Tensor, data: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>, elementOffset: number): void {
    const place = this.places.get(tensor.id);
    place?.block.write(place.from + elementOffset, words(data));
  }

  /** One step over all values under AdamW, behind all work submitted so far. `ratesOf` gives those of a group. */
  async update(ratesOf: (group: number) => AdamWRates): Promise<void> {
    const { chunks, staging } = this.plan;
    const buffers = staging.map(index => this.device.buffers[index]);
    const arriving = chunks.slice(0, buffers.length).map((chunk, index) => this.fetch(chunk, buffers[index]));
    for (const [index, chunk] of chunks.entries()) {
      const slot = index % buffers.length;
      const bytes = downBytes(chunk);
      const what = chunk.of.values === 'device' ? 'gradients and parameters' : 'gradients';
      await this.transfers.timed({ kind: 'optimizer', direction: 'down', what, bytes }, () => arriving[slot]);
      const parameter = this.step(chunk, buffers[slot], ratesOf(chunk.of.range.group));
      buffers[slot].unmap();
      const next = chunks.at(index + buffers.length);
      if (next) arriving[slot] = this.fetch(next, buffers[slot]);
      if (chunk.of.values === 'streamed') continue;
      const up = { kind: 'optimizer', direction: 'up', what: 'parameters', bytes: upBytes(chunk) } as const;
      await this.transfers.timed(up, () => this.upload(chunk, parameter));
    }
  }

  /** Copies a chunk to staging and maps it. */
  private fetch({ of, from, count }: HostChunk, buffer: GPUBuffer): Promise<undefined> {
    const { gpu, buffers } = this.device;
    const encoder = gpu.createCommandEncoder();
    const copy = (tensor: Tensor, to: number) => {
      const place = this.place(tensor);
      encoder.copyBufferToBuffer(buffers[place.buffer], place.offset + from * 4, buffer, to, count * 4);
    };
    copy(of.range.gradient, 0);
    if (of.values === 'device') copy(of.range.parameter, this.plan.chunkValues * 4);
    gpu.queue.submit([encoder.finish()]);
    const mapped = buffer.mapAsync(GPUMapMode.READ);
    // A lost device fails all that are under way; only the first one is waited for.
    mapped.catch(() => undefined);
    return mapped;
  }

  /** Updates a chunk that has arrived; answers its new values, in scratch. */
  private step(chunk: HostChunk, buffer: GPUBuffer, rates: AdamWRates): Float32Array<ArrayBuffer> {
    const { of, from, count, tensor, at } = chunk;
    const state = this.states.get(of) as RangeState;
    const [parameter, m, v] = (['parameter', 'm', 'v'] as const).map(name => this.scratch[name].subarray(0, count));
    const arrived = buffer.getMappedRange();
    if (of.values === 'streamed') this.stream?.read(tensor, words(parameter), at);
    else if (state.copy) state.copy.read(from, words(parameter));
    else parameter.set(new Float32Array(arrived, this.plan.chunkValues * 4, count));
    state.m.read(from, words(m));
    state.v.read(from, words(v));
    this.adamw({ parameter, gradient: new Float32Array(arrived, 0, count), m, v }, rates);
    state.m.write(from, words(m));
    state.v.write(from, words(v));
    state.copy?.write(from, words(parameter));
    if (of.values === 'streamed') this.stream?.store(tensor, parameter, at);
    return parameter;
  }

  private upload({ of, from }: HostChunk, parameter: Float32Array<ArrayBuffer>): void {
    const { buffer, offset } = this.place(of.range.parameter);
    this.device.gpu.queue.writeBuffer(this.device.buffers[buffer], offset + from * 4, parameter);
  }

  private place({ id }: Tensor): Placement {
    return this.device.placements.get(id) as Placement;
  }
}

function words(data: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}
