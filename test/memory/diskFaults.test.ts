/** What can break while everything waits on a disk: it is said, nothing stays open, and the run goes on from its checkpoint. */
import { strict as assert } from 'node:assert';
import { toProblem, type Problem } from '../../src/common/errors';
import type { FileSet, TrainOutput } from '../../src/common/run/events';
import { nodeGpu } from '../../src/headless/gpu';
import { EngineService } from '../../webview/worker/engineService';
import { testDevice } from '../engine/harness';
import { checkpointAt, lossesOf, resultOf, runJob, smallJob } from '../engine/smallRun';
import { RunControl } from '../../webview/engine/train/control';
import { train } from '../../webview/engine/train/loop';
import { watchedDisk, type Fault, type WatchedDisk } from '../engine/watchedDisk';

const overrides = {
  method: { lora_dropout: 0.1 },
  training: { max_steps: 4, eval_steps: 4, save_steps: 2, importance_steps: 4 },
  memory: {
    gradient_checkpointing: 'block',
    offload: { parameters: 'disk', optimizer: 'disk', activations: 'disk' },
  },
};
const job = (checkpoint?: FileSet) => smallJob('deep', overrides, { checkpoint });

interface Attempt {
  readonly outputs: readonly TrainOutput[];
  readonly problem?: Problem;
  readonly disk: WatchedDisk;
}

/** A run on a disk that fails once a checkpoint exists, or from the start. */
async function attempt(fault: Fault, from: 'start' | 'checkpoint'): Promise<Attempt> {
  const outputs: TrainOutput[] = [];
  const armed = () => from === 'start' || outputs.some(({ kind }) => kind === 'checkpoint');
  const disk = watchedDisk((call, calls) => (armed() ? fault(call, calls) : undefined));
  const ports = { opened: await testDevice(), now: () => 0, control: new RunControl(() => undefined), disk };
  try {
    for await (const output of train(job(), ports)) outputs.push(output);
    return { outputs, disk };
  } catch (error) {
    return { outputs, problem: toProblem(error), disk };
  }
}

function fails(on: string, error: Error): Fault {
  return call => {
    if (call === on) throw error;
    return undefined;
  };
}

const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

describe('weights, moments and activations on a disk', () => {
  let whole: TrainOutput[];
  before(async () => {
    whole = await runJob(job());
    assert.equal(lossesOf(whole).length, 4);
  });

  /** The rest of a run that broke has the numbers and files of one that did not. */
  async function assertGoesOn(outputs: readonly TrainOutput[]): Promise<void> {
    const rest = await runJob(job(checkpointAt(outputs, 2)));
    assert.deepEqual([...lossesOf(outputs).slice(0, 2), ...lossesOf(rest)], lossesOf(whole));
    assert.deepEqual(resultOf(rest), resultOf(whole));
  }

  it('that fills up while they are written: no run, no file', async () => {
    let writes = 0;
    const late = fails('write', full);
    const { outputs, problem, disk } = await attempt(
      (call, calls) => (call === 'write' && ++writes > 9 ? late(call, calls) : undefined),
      'start',
    );
    assert.deepEqual([problem?.code, outputs.length, disk.made, disk.open], ['disk.full', 0, 1, 0]);
    assert.match(problem?.hint ?? '', /^Free some space, or set memory\.offload to cpu or none; then resume/);
  });

  it('that cannot hold the file at all: nothing is left on disk or device', async () => {
    const { ledger } = await testDevice();
    const { problem, disk } = await attempt(fails('grow', full), 'start');
    assert.deepEqual([problem?.code, disk.open], ['disk.full', 0]);
    assert.deepEqual(ledger.measured(), {});
  });

  const lost = new DOMException('The file was not found.', 'NotFoundError');
  for (const [title, fault, code] of [
    ['whose file is lost', fails('read', lost), 'disk.scratch'],
    ['whose file is cut off', (call: string) => (call === 'read' ? 0 : undefined), 'disk.scratch'],
    ['that fills up between two steps', fails('write', full), 'disk.full'],
  ] as const)
    it(`${title}: a message, a valid checkpoint, the same numbers after Resume`, async () => {
      const { outputs, problem, disk } = await attempt(fault, 'checkpoint');
      assert.deepEqual([problem?.code, disk.open], [code, 0]);
      assert.match(problem?.message ?? '', /what is offloaded could not be (read: |written\.)/);
      assert.match(problem?.hint ?? '', /resume from the last checkpoint/i);
      await assertGoesOn(outputs);
    });

  it('that moves a few bytes at a time changes nothing', async () => {
    const { outputs, problem } = await attempt(
      (call, calls) => (call === 'read' || call === 'write' ? 1 + (calls % 4000) : undefined),
      'start',
    );
    assert.equal(problem, undefined);
    assert.deepEqual(lossesOf(outputs), lossesOf(whole));
  });

  it('of a worker whose device is lost in a step: the file is let go, and the run goes on', async () => {
    const disk = watchedDisk();
    const outputs: TrainOutput[] = [];
    let time = 0;
    const ended = new Promise<Problem | undefined>(resolve => {
      const { handlers } = new EngineService({
        gpu: nodeGpu(),
        disk,
        // Outputs are told at once.
        now: () => (time += 200),
        later: (run, ms) => setTimeout(run, ms),
        readBlob: () => new Uint8Array(),
        notify: note => {
          if (note.type === 'ended') resolve(note.problem);
          if (note.type !== 'outputs') return;
          outputs.push(...note.outputs);
          if (note.outputs.some(({ kind }) => kind === 'checkpoint')) void handlers.loseDevice({});
        },
      });
      void handlers.start({ job: job() });
    });
    assert.equal((await ended)?.code, 'device.lost');
    while (disk.open > 0) await new Promise(resolve => setTimeout(resolve, 20));
    assert.equal(disk.made, 1);
    await assertGoesOn(outputs);
  });
});
