import { problem, toProblem, type Problem } from '../../src/common/errors';
import type {
  EngineNotification,
  EngineRequests,
  GenerationNotification,
  ModelFiles,
  TrainJob,
} from '../../src/common/protocol';
import type { Handlers } from '../../src/common/rpc';
import type { TrainOutput } from '../../src/common/run/events';
import { openDevice, type OpenDevice } from '../engine/runtime/device';
import type { Disk } from '../engine/runtime/scratch';
import { RunControl } from '../engine/train/control';
import { train } from '../engine/train/loop';
import { examine } from './doctor';
import { Outbox } from './outbox';
import { TextService } from './textService';
import { withReadableWeights, type ReadBlob } from './weightFiles';

/** The platform as the service needs it; the Worker passes its own, tests pass node's. */
export interface Platform {
  readonly gpu: GPU | undefined;
  readonly disk?: Disk;
  readonly now: () => number;
  readonly notify: (notification: EngineNotification | GenerationNotification) => void;
  readonly later: (run: () => void, ms: number) => void;
  readonly readBlob: ReadBlob;
}

interface ActiveRun {
  readonly runId: string;
  readonly control: RunControl;
}

/** Owns the device and at most one run, or one model that generates. Answers the requests of the protocol; outputs go out as notifications. */
export class EngineService {
  private opened: Promise<OpenDevice> | undefined;
  private active: ActiveRun | undefined;
  private readonly texts: TextService;

  constructor(private readonly platform: Platform) {
    this.texts = new TextService({
      device: () => this.device(),
      disk: platform.disk,
      now: platform.now,
      grew: (text, tokens) => platform.notify({ type: 'generated', text, tokens }),
    });
  }

  readonly handlers: Handlers<EngineRequests> = {
    probe: async () => (await this.device()).info,
    start: async ({ job }) => {
      if (this.active)
        throw problem('engine.busy', 'Another run is using the GPU.', 'Queue this run, or stop the other one.');
      const control = new RunControl(paused =>
        this.platform.notify({ type: paused ? 'paused' : 'resumed', runId: job.runId }),
      );
      this.active = { runId: job.runId, control };
      void this.drive({ ...job, model: this.readable(job.model) }, control);
      return Promise.resolve({ accepted: true as const });
    },
    command: ({ runId, command }) => {
      if (this.active?.runId !== runId)
        throw problem('engine.notRunning', 'This run is not on the GPU.', 'Resume it from its last checkpoint.');
      this.active.control.command(command);
      return { accepted: true as const };
    },
    openModel: async ({ job }) => {
      this.refuseWhileTraining();
      await this.texts.open({ ...job, model: this.readable(job.model) });
      return { accepted: true as const };
    },
    generate: async ({ job }) => {
      this.refuseWhileTraining();
      return await this.texts.generate(job);
    },
    compareCache: async ({ job }) => {
      this.refuseWhileTraining();
      return await this.texts.compare(job);
    },
    cancelGeneration: () => {
      this.texts.cancel();
      return { accepted: true as const };
    },
    closeModel: () => {
      if (!this.texts.isBusy) this.texts.close();
      return { accepted: true as const };
    },
    doctor: async () => ({ lines: await examine(this.platform.gpu, () => this.device()) }),
    loseDevice: async () => {
      (await this.device()).device.destroy();
      return { accepted: true as const };
    },
  };

  private readable(model: ModelFiles): ModelFiles {
    return withReadableWeights(model, this.platform.readBlob);
  }

  private refuseWhileTraining(): void {
    if (this.active)
      throw problem('engine.busy', 'A run is training on the GPU.', 'Wait until it ends, or stop it, then generate.');
  }

  /** The one device, taken anew after it was lost. */
  private device(): Promise<OpenDevice> {
    if (!this.opened) {
      const opening = openDevice(this.platform.gpu);
      this.opened = opening;
      const forget = () => {
        if (this.opened === opening) this.opened = undefined;
      };
      opening.then(({ device }) => device.lost.then(forget), forget);
    }
    return this.opened;
  }

  /** A run has the GPU once a text that is under way is complete. */
  private async drive(job: TrainJob, control: RunControl): Promise<void> {
    const { runId } = job;
    const { now, later, notify, disk } = this.platform;
    const outbox = new Outbox({ now, later, send: outputs => notify({ type: 'outputs', runId, outputs }) });
    let failure: Problem | undefined;
    try {
      await this.texts.idle();
      this.texts.close();
      const opened = await this.device();
      const outputs = train(job, { opened, now, control, disk });
      for await (const output of untilLost(outputs, opened.device)) outbox.push(output);
    } catch (error) {
      failure = toProblem(error);
    }
    outbox.flush();
    this.active = undefined;
    notify({ type: 'ended', runId, problem: failure });
  }
}

/** Passes outputs on until the device is lost; then fails at once, whatever the loop is waiting for. */
async function* untilLost(outputs: AsyncGenerator<TrainOutput>, device: GPUDevice): AsyncGenerator<TrainOutput> {
  let message: string | undefined;
  const lost = device.lost.then(info => {
    message = info.message || info.reason;
    return undefined;
  });
  const failed = () =>
    problem('device.lost', `The GPU device was lost (${message}).`, 'The run can be resumed from its last checkpoint.');
  try {
    for (;;) {
      const next = await Promise.race([outputs.next(), lost]);
      if (next === undefined) throw failed();
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    // Pending reads reject before `lost` settles; give it its turn, so that the cause is named and not a symptom.
    await Promise.race([lost, device.queue.onSubmittedWorkDone().catch(() => undefined)]);
    throw message === undefined ? error : failed();
  } finally {
    // Lets the run free what it holds, once whatever it waits for has failed too.
    void outputs.return(undefined).catch(() => undefined);
  }
}
