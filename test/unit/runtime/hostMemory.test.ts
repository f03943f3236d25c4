import { strict as assert } from 'node:assert';
import { toProblem } from '../../../src/common/errors';
import { hostBytes, mostPiece } from '../../../webview/engine/memory/hostPlan';
import { HostMemory, type Place } from '../../../webview/engine/runtime/hostMemory';
import { openScratch, type Disk } from '../../../webview/engine/runtime/scratch';
import { watchedDisk, type Fault } from '../../engine/watchedDisk';

const sizes = [4, 1000, 2 * mostPiece + 24];

async function memory(fault?: Fault) {
  const disk = watchedDisk(fault);
  return { disk, host: new HostMemory(await openScratch(2 ** 24, disk)) };
}

/** The code of the problem that `work` throws, and its message. */
async function thrown(work: () => unknown): Promise<readonly [string, string]> {
  try {
    await work();
  } catch (error) {
    const { code, message } = toProblem(error);
    return [code, message];
  }
  return ['none', ''];
}

function filled(words: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: words }, (_, index) => Math.imul(index + 1, 2654435761));
}

describe('memory off the device', () => {
  for (const place of ['cpu', 'disk'] as const)
    it(`${place}: starts at zero, keeps what is written, and hands it out in order`, async () => {
      const { disk, host } = await memory((call, calls) => (call === 'grow' ? undefined : 1 + ((calls * 997) % 99999)));
      const blocks = sizes.map(bytes => host.allocate(bytes, place));
      blocks.forEach((block, index) => {
        const kept = filled(sizes[index] / 4);
        const found = new Uint32Array(kept.length).fill(7);
        block.read(0, found);
        assert.ok(found.every(word => word === 0));
        block.write(0, kept.subarray(0, 1));
        block.write(1, kept.subarray(1));
      });
      blocks.forEach((block, index) => {
        const found = new Uint32Array(block.words);
        let next = 0;
        block.each((data, from) => {
          assert.equal(from, next);
          found.set(data, from);
          next += data.length;
        });
        assert.ok(Buffer.from(found.buffer).equals(Buffer.from(filled(sizes[index] / 4).buffer)));
      });
      assert.deepEqual(host.measured(), hostBytes(sizes.map(bytes => ({ bytes, place }))));
      host.dispose();
      assert.equal(disk.open, 0);
    });

  it('takes one piece of host memory for blocks on disk, and whole multiples of 256 there', () => {
    const of = (...requests: [Place, number][]) => hostBytes(requests.map(([place, bytes]) => ({ place, bytes })));
    assert.deepEqual(of(), {});
    assert.deepEqual(of(['cpu', 12]), { offloadedCpu: 12 });
    assert.deepEqual(of(['disk', 12], ['disk', 300], ['cpu', 4]), { offloadedCpu: 304, offloadedDisk: 256 + 512 });
    assert.deepEqual(of(['disk', 3 * mostPiece]), { offloadedCpu: mostPiece, offloadedDisk: 3 * mostPiece });
  });

  it('is refused on a disk with too little room, with the numbers', async () => {
    const small = (free: number | undefined): Disk => ({ ...watchedDisk(), free: () => Promise.resolve(free) });
    const MiB = 2 ** 20;
    const [code, message] = await thrown(() => openScratch(100 * MiB, small(119.5 * MiB)));
    assert.equal(code, 'disk.full');
    assert.match(message, /takes 100 MiB of disk, with a fifth more to spare 120 MiB; 119 MiB are free/);
    assert.deepEqual(await thrown(async () => (await openScratch(100 * MiB, small(120 * MiB))).close()), ['none', '']);
    assert.deepEqual(await thrown(async () => (await openScratch(100 * MiB, small(undefined))).close()), ['none', '']);
    assert.equal((await thrown(() => openScratch(1, undefined)))[0], 'disk.none');
  });

  it('refuses a block beyond what was planned', async () => {
    const { host } = await memory();
    assert.equal((await thrown(() => host.allocate(2 ** 24 + 4, 'disk')))[0], 'engine.host');
    host.dispose();
  });

  it('says what broke: a full disk, a quota, a file that is gone', async () => {
    const codeOf = async (error: Error, on: 'create' | 'grow' | 'write') =>
      (
        await thrown(async () => {
          const { host } = await memory(call => {
            if (call === on) throw error;
            return undefined;
          });
          host.allocate(8, 'disk').write(0, filled(2));
        })
      )[0];
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    assert.equal(await codeOf(full, 'write'), 'disk.full');
    assert.equal(await codeOf(new DOMException('No room.', 'QuotaExceededError'), 'grow'), 'disk.full');
    assert.equal(await codeOf(new DOMException('Gone.', 'InvalidStateError'), 'write'), 'disk.scratch');
    assert.equal(await codeOf(new DOMException('Denied.', 'SecurityError'), 'create'), 'disk.scratch');
    const { host } = await memory(call => (call === 'read' ? 0 : undefined));
    const block = host.allocate(8, 'disk');
    assert.deepEqual(await thrown(() => block.read(0, filled(2))), [
      'disk.scratch',
      'The file with what is offloaded could not be read: it ends too early.',
    ]);
  });
});
