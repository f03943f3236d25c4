import { problem } from '../../../src/common/errors';
import type { Tensor } from '../graph/tensor';
import { byteLength } from '../graph/tensor';
import type { Placement } from '../memory/layout';
import type { StreamPlan, StreamUnit } from '../memory/streams';
import type { HostBlock, HostMemory } from './hostMemory';
import type { Transfers } from './transfers';

/** The device's side of what moves: the device itself, and the buffers of the plan. */
export interface StreamDevice {
  readonly gpu: GPUDevice;
  readonly buffers: readonly GPUBuffer[];
  readonly placements: ReadonlyMap<number, Placement>;
}

/** Keeps weights off the device and brings them to their slot on the device before they are used. */
export class WeightStream {
  private readonly stored = new Map<number, HostBlock>();
  private readonly inSlot = new Map<number, StreamUnit>();
  private readonly lastUse = new Map<number, Promise<undefined>>();

  constructor(
    private readonly plan: StreamPlan,
    private readonly device: StreamDevice,
    host: HostMemory,
    private readonly transfers: Transfers,
  ) {
    for (const { tensors } of plan.units)
      for (const { id, shape, dtype } of tensors)
        this.stored.set(id, host.allocate(byteLength(shape, dtype), plan.place));
  }

  /** The unit that `tensor` comes with; undefined for one that stays on the device. */
  unitOf(tensor: Tensor): StreamUnit | undefined {
    return this.plan.unitOf.get(tensor.id);
  }

  /** Puts words into the host's copy from word `at` on; the next use of the tensor sees them. */
  store(tensor: Tensor, data: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>, at = 0): void {
    const target = this.stored.get(tensor.id);
    if (!target || at + data.length > target.words)
      throw problem('engine.write', `${data.length} values do not fit ${tensor.name}.`, 'This is a defect.');
    target.write(at, data instanceof Float32Array ? new Uint32Array(data.buffer, data.byteOffset, data.length) : data);
    const unit = this.unitOf(tensor);
    if (unit && this.inSlot.get(unit.slot) === unit) this.inSlot.delete(unit.slot);
  }

  /** Fills `into` with the words that wait from word `at` on. */
  read(tensor: Tensor, into: Uint32Array<ArrayBuffer>, at = 0): void {
    this.stored.get(tensor.id)?.read(at, into);
  }

  /** Takes over what a trained tensor has become in its slot, where it also stays. */
  keep(tensor: Tensor, data: Float32Array<ArrayBuffer>): void {
    this.stored.get(tensor.id)?.write(0, new Uint32Array(data.buffer, data.byteOffset, data.length));
  }

  /**
   * Puts a unit into its slot, behind all work submitted so far. Waits until the work on what is in the slot is done:
   * the queue keeps a copy of everything written to it, and only this bounds how many there are.
   */
  async bring(unit: StreamUnit): Promise<void> {
    if (this.inSlot.get(unit.slot) === unit) return;
    this.inSlot.set(unit.slot, unit);
    const transfer = { kind: 'parameters', direction: 'up', what: unit.name, bytes: unit.bytes } as const;
    await this.transfers.timed(transfer, async () => {
      await this.lastUse.get(unit.slot);
      this.upload(unit);
    });
  }

  private upload({ tensors }: StreamUnit): void {
    const { gpu, buffers, placements } = this.device;
    for (const { id } of tensors) {
      const place = placements.get(id);
      if (!place) continue;
      const { buffer, offset } = place;
      this.stored.get(id)?.each((data, from) => gpu.queue.writeBuffer(buffers[buffer], offset + from * 4, data));
    }
  }

  /** Work on a unit has been submitted. */
  used(unit: StreamUnit): void {
    const done = this.device.gpu.queue.onSubmittedWorkDone().then(
      () => undefined,
      () => undefined,
    );
    this.lastUse.set(unit.slot, done);
  }
}
