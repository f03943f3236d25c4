import { problem } from '../../../src/common/errors';
import type { RunConfig } from '../../../src/common/config/schema';
import type { ModelFiles } from '../../../src/common/protocol';
import type { AdapterInfo, FileSet, MemoryBytes } from '../../../src/common/run/events';
import { leadOf } from '../data/batches';
import type { Method } from '../methods/method';
import { cacheSize, forecastOf } from '../forecast';
import type { BaseStorage } from '../model/storage';
import type { OpenDevice } from '../runtime/device';
import type { Disk } from '../runtime/scratch';
import { stepWords } from '../runtime/kernel';
import { Engine } from '../train/engine';
import { loadAdapter, loadParameters } from '../train/load';
import { planPrograms, type EnginePrograms, type Offload } from '../train/programs';
import { promptTokens, readModel, type ReadModel } from '../train/readModel';
import { adapterMethod, readAdapter, type NamedWeight, type SessionAdapter } from './adapters';
import { complete, type CompletionOptions } from './complete';
import { cachedLogits, uncachedLogits, type NextLogits } from './nextLogits';

export interface SessionOptions {
  readonly files: ModelFiles;
  readonly storage: BaseStorage;
  /** Where frozen matrices wait between uses; on the device without it. */
  readonly offload?: Offload;
  /** For what is offloaded to a disk. */
  readonly disk?: Disk;
  /** Most tokens of a text, with the virtual tokens of an adapter; at most the model's positions. */
  readonly rows: number;
  /** Which ways to generate are planned: with a cache, by full passes, or both. */
  readonly ways: 'cache' | 'full' | 'both';
}

export type TextOptions = Omit<CompletionOptions, 'ends' | 'tokenizer'>;

/** A completion so far. */
export interface TextSoFar {
  readonly text: string;
  readonly tokens: number;
}

interface Running {
  readonly method: Method;
  readonly engine: Engine;
}

const step = new Uint32Array(stepWords);

/**
 * A model on the device that generates, with adapters that come, go and combine on the fly: its weights are uploaded
 * once. What follows a change of adapters starts with an empty cache, because keys and values depend on them.
 */
export class GenerationSession {
  private readonly adapters = new Map<string, SessionAdapter>();
  private selection: readonly NamedWeight[] = [];
  private cache: NextLogits | undefined;
  private busy = false;

  private constructor(
    private readonly opened: OpenDevice,
    private readonly options: SessionOptions,
    readonly read: ReadModel,
    private running: Running,
  ) {}

  /** Loads the base model alone. Throws what reading it throws, and `memory.binding` where it does not fit the device. */
  static async open(opened: OpenDevice, options: SessionOptions): Promise<GenerationSession> {
    const read = readModel(options.files);
    const method = adapterMethod([], read.model, options.files.label);
    const programs = plan(opened, options, read, method);
    const engine = await Engine.create(opened, programs, { disk: options.disk });
    await loaded(engine, { ...read, method, programs });
    return new GenerationSession(opened, options, read, { method, engine });
  }

  /** Names of the adapters that can be selected. */
  get names(): readonly string[] {
    return [...this.adapters.keys()];
  }

  get selected(): readonly NamedWeight[] {
    return this.selection;
  }

  /** The GPU it runs on. */
  get adapter(): AdapterInfo {
    return this.opened.info;
  }

  /** Bytes planned for this session, on the device and off it. */
  get memory(): MemoryBytes {
    return forecastOf(this.running.engine.programs).bytes;
  }

  /**
   * Adds an adapter under a name, without using it yet. `config` is that of its run, needed for other methods than
   * LoRA. Throws what reading the files throws, and `generate.name` when the name is taken.
   */
  attach(name: string, files: FileSet, config?: RunConfig): void {
    if (this.adapters.has(name))
      throw problem('generate.name', `An adapter named ${name} is there already.`, 'Detach it first.');
    this.adapters.set(name, readAdapter(name, files, this.read.model, config));
  }

  /** Removes an adapter, also from the selection. */
  async detach(name: string): Promise<void> {
    if (this.selection.some(one => one.name === name))
      await this.select(this.selection.filter(one => one.name !== name));
    this.adapters.delete(name);
  }

  /**
   * Puts adapters to work: none for the base model, one, or several LoRA adapters whose updates add up with weights.
   * Throws `generate.unknown` for a name that was never attached, `generate.combine` for adapters that cannot be added,
   * and `generate.busy` during a completion.
   */
  async select(selection: readonly NamedWeight[]): Promise<void> {
    this.checkIdle();
    const chosen = selection.map(({ name, weight }) => {
      const adapter = this.adapters.get(name);
      if (!adapter) throw problem('generate.unknown', `There is no adapter named ${name}.`, 'Attach it first.');
      return { adapter, weight };
    });
    const method = adapterMethod(chosen, this.read.model, this.options.files.label);
    await this.replace(method);
    this.selection = selection;
  }

  /** Next-token logits with the adapters at work; the cached ones keep what they know until the selection changes. */
  logits(cached: boolean): NextLogits {
    const { engine } = this.running;
    if (!cached) return uncachedLogits(engine, step);
    this.cache ??= cachedLogits(engine, step);
    return this.cache;
  }

  /** Completes a prompt, giving the text after every token. Stop early by leaving the loop. */
  async *generate(
    prompt: string,
    options: TextOptions,
    cached = this.options.ways !== 'full',
  ): AsyncGenerator<TextSoFar> {
    this.checkIdle();
    const { tokenizer, model } = this.read;
    const ends = new Set([tokenizer.eosId, ...model.eosTokenIds]);
    const tokens = promptTokens(prompt, tokenizer);
    const next = this.logits(cached);
    if (tokens.length >= next.longest) throw tooLong(tokens.length, next.longest);
    const found: number[] = [];
    this.busy = true;
    try {
      for await (const token of complete(next, tokens, { ...options, ends, tokenizer })) {
        found.push(token);
        yield { text: tokenizer.decode(found), tokens: found.length };
      }
    } finally {
      this.busy = false;
    }
  }

  dispose(): void {
    this.running.engine.dispose();
  }

  private checkIdle(): void {
    if (this.busy) throw problem('generate.busy', 'A completion is under way.', 'Wait until it ends, or cancel it.');
  }

  /**
   * The frozen weights stay where they are, unless an adapter brings its own values for some of them. What waits off the
   * device ends with its engine and is read again.
   */
  private async replace(method: Method): Promise<void> {
    const { read, opened, options } = this;
    const before = this.running;
    const programs = plan(opened, options, read, method);
    const streams = before.engine.programs.plan.streams !== undefined;
    const keep =
      !streams && !method.startValue && !before.method.startValue && sameWeights(before.engine.programs, programs);
    const inherited = keep ? before.engine.bequeathWeights() : [];
    if (!keep) before.engine.dispose();
    this.cache = undefined;
    const engine = await Engine.create(opened, programs, { inherited, disk: options.disk });
    this.running = { method, engine };
    if (keep) loadAdapter(engine, { method, programs });
    else await loadParameters(engine, { ...read, method, programs });
  }
}

/** Fills an engine, or frees it. */
async function loaded(engine: Engine, run: Parameters<typeof loadParameters>[1]): Promise<void> {
  try {
    await loadParameters(engine, run);
  } catch (error) {
    engine.dispose();
    throw error;
  }
}

function plan(opened: OpenDevice, options: SessionOptions, { model }: ReadModel, method: Method): EnginePrograms {
  const { info, profile } = opened;
  const rows = Math.min(options.rows, model.maxPositions);
  const lead = leadOf(method.virtualTokens);
  if (rows <= lead.firstPosition + lead.placeholders)
    throw problem(
      'generate.rows',
      `The adapter puts ${lead.firstPosition + lead.placeholders} virtual tokens before every text, which leaves no room in ${rows}.`,
      'Allow longer texts.',
    );
  const full = options.ways === 'cache' ? 0 : rows - lead.firstPosition;
  return planPrograms({
    model,
    method,
    storage: options.storage,
    offload: options.offload,
    profile,
    limits: info.limits,
    betas: [0, 0],
    longest: rows,
    streams: { train: 0, evaluate: 0, generate: full },
    cache: options.ways === 'full' ? undefined : cacheSize(rows, rows),
  });
}

/** Whether two plans lay out their frozen weights alike, so that one can use the buffers of the other. */
function sameWeights(before: EnginePrograms, after: EnginePrograms): boolean {
  const listed = ({ table }: EnginePrograms) =>
    table.parameters
      .filter(spec => spec.category === 'weights' && !spec.trainable)
      .map(({ tensor }) => `${tensor.name} ${tensor.shape.join('x')} ${JSON.stringify(tensor.dtype)}`)
      .join();
  return listed(before) === listed(after);
}

function tooLong(tokens: number, longest: number) {
  return problem(
    'generate.prompt',
    `The prompt has ${tokens} tokens; at most ${longest - 1} fit beside a completion.`,
    'Shorten the prompt, or allow longer texts.',
  );
}
