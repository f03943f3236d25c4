import { problem, type Problem } from '../../../src/common/errors';
import { Emitter } from '../../../src/common/lifecycle';
import type { EngineNotification, EngineRequests, TrainJob } from '../../../src/common/protocol';
import type { TrainOutput } from '../../../src/common/run/events';
import type { EngineLink, JobSource, Timer } from '../../../src/runs/engine';
import { sampleConfig } from './sampleRun';

/** An engine that does what the test says, one message at a time. */
export class ScriptedEngine implements EngineLink {
  readonly asked: string[] = [];
  readonly jobs: TrainJob[] = [];
  answersPings = true;
  refusal: Problem | undefined;
  private readonly notes = new Emitter<EngineNotification>();
  private readonly losses = new Emitter<Problem>();
  readonly onNotification = this.notes.event;
  readonly onLost = this.losses.event;

  ready(): Promise<void> {
    return Promise.resolve();
  }

  request<K extends keyof EngineRequests>(method: K, params: EngineRequests[K]['params']): Promise<never> {
    if (this.refusal) return Promise.reject(problem(this.refusal.code, this.refusal.message, this.refusal.hint));
    if ('job' in params && 'runId' in params.job) this.jobs.push(params.job);
    this.asked.push('command' in params ? params.command : method);
    return Promise.resolve({ accepted: true } as never);
  }

  ping(): Promise<void> {
    return this.answersPings ? Promise.resolve() : new Promise(() => undefined);
  }

  get runId(): string {
    return this.jobs.at(-1)?.runId ?? '';
  }

  send(...outputs: TrainOutput[]): void {
    this.notes.fire({ type: 'outputs', runId: this.runId, outputs });
  }

  say(type: 'paused' | 'resumed'): void {
    this.notes.fire({ type, runId: this.runId });
  }

  end(reason?: Problem): void {
    this.notes.fire({ type: 'ended', runId: this.runId, problem: reason });
  }

  vanish(): void {
    this.losses.fire({ code: 'engine.lost', message: 'The Engine view was closed.', hint: '' });
  }
}

/** A clock that moves only when told to, and timers that fire when it does. */
export class ManualTimer implements Timer {
  private time = 1000;
  private readonly repeating = new Set<() => void>();
  readonly now = () => this.time;

  sleep(ms: number): Promise<void> {
    this.time += ms;
    return new Promise(resolve => setImmediate(resolve));
  }

  every(_ms: number, work: () => void): { dispose(): void } {
    this.repeating.add(work);
    return { dispose: () => this.repeating.delete(work) };
  }

  /** Lets `ms` pass; every repeating timer fires once. */
  async pass(ms: number): Promise<void> {
    this.time += ms;
    for (const work of this.repeating) work();
    await settle();
  }
}

/** Gives everything that is under way the time to finish. Hashes are made on other threads, so turns alone are not enough. */
export async function settle(): Promise<void> {
  for (let pause = 0; pause < 10; pause++) {
    await new Promise(resolve => setTimeout(resolve, 8));
    for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve));
  }
}

/** Jobs without files: the config says `train` steps, the content is named by the test. */
export function sampleJobs(content = { model: 'sha256:m', train: 'sha256:t' }): JobSource {
  return {
    check: text => {
      if (text === 'bad') throw problem('config.missingKey', 'line 1: The config needs the key `model`.', 'Add it.');
      return sampleConfig();
    },
    build: config =>
      Promise.resolve({
        job: {
          config,
          model: { label: 'builtin:tiny', config: '{}', tokenizer: '{}', weights: [] },
          train: new Uint8Array(1),
          trainLabel: 'data/train.jsonl',
        },
        fingerprint: content.model,
        data: { train: content.train },
        warnings: [],
      }),
  };
}
