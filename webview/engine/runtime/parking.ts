import type { Parked } from '../graph/park';
import { byteLength } from '../graph/tensor';
import type { ParkingPlan } from '../memory/parking';
import type { HostBlock, HostMemory } from './hostMemory';
import type { Transfers } from './transfers';
import type { StreamDevice } from './weightStream';

/** A staging buffer, and what becomes of the piece that is on its way through it. */
interface RingSlot {
  readonly buffer: GPUBuffer;
  emptied: Promise<void>;
}

/** Uploads that may wait in the queue, which keeps a copy of each. */
const mostQueued = 2;

/** Moves values of the forward pass to the host and back for the backward pass, both behind the work submitted before. */
export class Parking {
  private readonly rooms: ReadonlyMap<number, HostBlock>;
  private readonly ring: RingSlot[];
  private readonly arriving = new Map<number, Promise<unknown>>();
  private queued: Promise<undefined>[] = [];
  private next = 0;

  constructor(
    plan: ParkingPlan,
    private readonly target: StreamDevice,
    host: HostMemory,
    private readonly transfers: Transfers,
  ) {
    this.rooms = new Map(
      plan.tensors.map(({ id, shape, dtype }) => [id, host.allocate(byteLength(shape, dtype), plan.place)]),
    );
    this.ring = plan.ring.map(index => ({ buffer: target.buffers[index], emptied: Promise.resolve() }));
  }

  /** Starts to copy a value out, through the ring in pieces. Waits only where the ring is full. */
  async out(parked: Parked): Promise<void> {
    const bytes = bytesOf(parked);
    await this.transfers.timed({ kind: 'activations', direction: 'down', what: parked.what, bytes }, async () => {
      const pieces: Promise<void>[] = [];
      const piece = this.ring[0].buffer.size;
      for (let from = 0; from < bytes; from += piece) {
        const slot = this.ring[this.next++ % this.ring.length];
        await slot.emptied;
        pieces.push(this.send(parked, slot, { from, bytes: Math.min(piece, bytes - from) }));
      }
      this.arriving.set(parked.tensor.id, handled(Promise.all(pieces)));
    });
  }

  /** Writes a value to its copy on the device, once it has arrived and few others wait in the queue. */
  async back({ tensor, copy, what }: Parked): Promise<void> {
    const bytes = byteLength(tensor.shape, tensor.dtype);
    await this.transfers.timed({ kind: 'activations', direction: 'up', what, bytes }, async () => {
      await this.arriving.get(tensor.id);
      if (this.queued.length >= mostQueued) await this.queued.shift();
      const { gpu, buffers, placements } = this.target;
      const place = placements.get(copy.id);
      if (!place) return;
      this.rooms.get(tensor.id)?.each((data, from) => {
        gpu.queue.writeBuffer(buffers[place.buffer], place.offset + from * 4, data);
      }, bytes / 4);
    });
  }

  /** Work on values that came back has been submitted. */
  used(): void {
    const done = this.target.gpu.queue.onSubmittedWorkDone();
    this.queued.push(handled(done));
  }

  private send({ tensor }: Parked, slot: RingSlot, { from, bytes }: { from: number; bytes: number }): Promise<void> {
    const { gpu, buffers, placements } = this.target;
    const place = placements.get(tensor.id);
    const room = this.rooms.get(tensor.id);
    if (!place || !room) return Promise.resolve();
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(buffers[place.buffer], place.offset + from, slot.buffer, 0, bytes);
    gpu.queue.submit([encoder.finish()]);
    slot.emptied = handled(
      slot.buffer.mapAsync(GPUMapMode.READ, 0, bytes).then(() => {
        room.write(from / 4, new Uint32Array(slot.buffer.getMappedRange(0, bytes)));
        slot.buffer.unmap();
      }),
    );
    return slot.emptied;
  }
}

function bytesOf({ tensor }: Parked): number {
  return byteLength(tensor.shape, tensor.dtype);
}

/** The same promise; a failure is seen by who waits for it, and by nobody when nobody does (a device that is gone). */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
