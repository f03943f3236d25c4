import { problem } from '../../src/common/errors';
import type {
  CacheComparison,
  GenerationAdapter,
  GenerationJob,
  GenerationModel,
  GenerationResult,
} from '../../src/common/protocol';
import { compareWays } from '../engine/generate/compareWays';
import { GenerationSession } from '../engine/generate/session';
import { baseStorage } from '../engine/model/storage';
import type { OpenDevice } from '../engine/runtime/device';
import type { Disk } from '../engine/runtime/scratch';

export interface TextPorts {
  readonly device: () => Promise<OpenDevice>;
  readonly disk?: Disk;
  readonly now: () => number;
  /** Told how a completion grows. */
  readonly grew: (text: string, tokens: number) => void;
}

interface Loaded {
  readonly key: string;
  readonly session: GenerationSession;
  /** Whose device it is on; a lost device takes the session with it. */
  readonly device: GPUDevice;
}

const interval = 100;
const compareRounds = 5;

/** The one model that is loaded for generation, and the one completion under way. */
export class TextService {
  private loaded: Loaded | undefined;
  private working: Promise<unknown> | undefined;
  private cancelled = false;

  constructor(private readonly ports: TextPorts) {}

  /** A model is being loaded, or a text completed. */
  get isBusy(): boolean {
    return this.working !== undefined;
  }

  /** Resolves when no model is being loaded and no text completed any more. */
  async idle(): Promise<void> {
    while (this.working) await this.working.catch(() => undefined);
  }

  /** Loads a model in place of the present one; keeps the present one if it is the same. */
  async open({ key, model, memory, rows, ways }: GenerationModel): Promise<void> {
    await this.exclusively(async () => {
      if (this.loaded?.key === key) return;
      this.close();
      const opened = await this.ports.device();
      const storage = { storage: baseStorage(memory), offload: memory.offload, disk: this.ports.disk };
      const session = await GenerationSession.open(opened, { files: model, ...storage, rows, ways });
      const loaded: Loaded = { key, session, device: opened.device };
      this.loaded = loaded;
      void opened.device.lost.then(() => {
        if (this.loaded === loaded) this.close();
      });
    });
  }

  /** Completes a text. Throws `generate.notLoaded` when the model is not there. */
  generate(job: GenerationJob): Promise<GenerationResult> {
    return this.exclusively(async () => {
      const session = await this.sessionFor(job);
      const result = await this.complete(session, job);
      return { ...result, cancelled: this.cancelled };
    });
  }

  /** Times generation with and without the cache, of a model opened for both. Throws as `generate` does. */
  compare(job: GenerationJob): Promise<CacheComparison> {
    return this.exclusively(async () => {
      const session = await this.sessionFor(job);
      const steps = compareWays(session, { prompt: job.prompt, rounds: compareRounds, now: this.ports.now });
      let step = await steps.next();
      for (; !step.done; step = await steps.next())
        if (this.cancelled) return { times: [], cancelled: true, ...about(session) };
      return { times: step.value, cancelled: false, ...about(session) };
    });
  }

  cancel(): void {
    this.cancelled = true;
  }

  /** Frees the model. */
  close(): void {
    this.loaded?.session.dispose();
    this.loaded = undefined;
  }

  private async complete(session: GenerationSession, { prompt, samples, seed }: GenerationJob) {
    const { now, grew } = this.ports;
    const started = now();
    let told = started;
    let [text, tokens] = ['', 0];
    for await (const so of session.generate(prompt, { ...samples, seed: samples.seed ?? seed, name: 'sample 0' })) {
      ({ text, tokens } = so);
      if (now() - told >= interval) {
        told = now();
        grew(text, tokens);
      }
      if (this.cancelled) break;
    }
    return { text, tokens, ms: now() - started };
  }

  /** The loaded session with the job's adapters at work. */
  private async sessionFor({ key, adapters }: GenerationJob): Promise<GenerationSession> {
    const { loaded } = this;
    if (loaded?.key !== key)
      throw problem('generate.notLoaded', 'The model is not on the GPU any more.', 'Load it again.');
    this.cancelled = false;
    await useAdapters(loaded.session, adapters);
    return loaded.session;
  }

  private async exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.working) throw problem('engine.busy', 'A text is being completed.', 'Wait until it ends, or cancel it.');
    const working = work();
    this.working = working;
    try {
      return await working;
    } finally {
      this.working = undefined;
    }
  }
}

function about({ adapter, memory }: GenerationSession) {
  return { gpu: adapter.description || adapter.vendor, kvCacheBytes: memory.kvCache ?? 0 };
}

/** Makes the session's adapters these, by name: what is not named any more goes, what stays is not read again. */
async function useAdapters(session: GenerationSession, adapters: readonly GenerationAdapter[]): Promise<void> {
  const named = new Set(adapters.map(({ name }) => name));
  for (const name of session.names) if (!named.has(name)) await session.detach(name);
  for (const { name, files, config } of adapters)
    if (!session.names.includes(name)) session.attach(name, files, config);
  const wanted = adapters.map(({ name, weight }) => ({ name, weight }));
  if (JSON.stringify(wanted) !== JSON.stringify(session.selected)) await session.select(wanted);
}
