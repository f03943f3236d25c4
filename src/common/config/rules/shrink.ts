import type { EditOp, Fix } from '../edits';
import type { ForecastFacts } from '../facts';
import { mib, quantile, share, type LintContext } from '../rule';
import type { ConfigPath } from '../range';
import { runConfigSchema, type RunConfig } from '../schema';

/** A way to use less memory: the keys it changes, what it is called, what it costs. */
interface Shrink {
  readonly edits: readonly EditOp[];
  readonly config: RunConfig;
  readonly title: string;
  readonly cost: string;
}

/** What makes a run fit. */
export interface Remedy {
  readonly path: ConfigPath;
  readonly fixes: readonly Fix[];
}

/**
 * The changes that make `fits` true, cheapest first, each titled with what it saves, which was planned and not guessed,
 * and what it costs. `path` is the key of the first of them, or of the largest consumer that can be changed at all.
 */
export function remedies(context: LintContext, fits: (forecast: ForecastFacts) => boolean): Remedy {
  const all = shrinks(context);
  const single = all.flatMap(shrink => asFix(context, shrink, fits));
  if (single.length > 0)
    return { path: single[0].edits[0].path, fixes: single.map((fix, i) => ({ ...fix, preferred: i === 0 })) };
  const together = merge(
    context,
    all.filter(({ edits }) => edits[0].path.at(-1) !== 'type'),
  );
  const combined = together === undefined ? [] : asFix(context, together, fits);
  const path = all[0]?.edits[0].path ?? ['model'];
  return { path, fixes: combined.map(fix => ({ ...fix, preferred: true })) };
}

/** `Checkpoint whole blocks: −212 MiB, about +50 % time`. */
function asFix(context: LintContext, shrink: Shrink, fits: (forecast: ForecastFacts) => boolean): Fix[] {
  const plan = context.facts.forecast;
  const forecast = plan?.(shrink.config);
  if (forecast === undefined || 'problem' in forecast || !fits(forecast)) return [];
  const now = plan?.(context.config);
  const saved = now === undefined || 'problem' in now ? undefined : now.total - forecast.total;
  const memory = saved === undefined ? `${mib(forecast.total)} MiB` : `−${mib(saved)} MiB`;
  return [{ title: `${shrink.title}: ${memory}, ${shrink.cost}`, edits: shrink.edits }];
}

function shrinks(context: LintContext): Shrink[] {
  return [
    ...smallerEvaluation(context),
    ...keepingLess(context, 'selective'),
    ...smallerBatches(context),
    ...keepingLess(context, 'block'),
    ...fewerBits(context),
    ...shorterRows(context),
    ...waitingWeights(context),
    ...adapterOnly(context),
  ];
}

type Named = Pick<Shrink, 'title' | 'cost'>;

function change(config: RunConfig, named: Named, edits: readonly EditOp[]): Shrink {
  const next = edits.reduce<object>(
    (base, edit) => (edit.op === 'set' ? put(base, edit.path, edit.value) : base),
    config,
  );
  return { ...named, edits, config: next as RunConfig };
}

/** A copy with another value at `path`, below sections that a config always has. */
function put(section: object, [key, ...rest]: ConfigPath, value: unknown): object {
  if (rest.length === 0) return { ...section, [key]: value };
  return { ...section, [key]: put((section as Record<string, object>)[key], rest, value) };
}

function set(path: ConfigPath, value: unknown): EditOp {
  return { op: 'set', path, value };
}

/** Halves of the micro-batch, the optimizer step keeping its rows. */
function smallerBatches({ config }: LintContext): Shrink[] {
  const { per_device_train_batch_size: batch, gradient_accumulation_steps: accumulation } = config.training;
  const found: Shrink[] = [];
  for (let micro = Math.floor(batch / 2); micro >= 1; micro = Math.floor(micro / 2)) {
    if (batch % micro !== 0) continue;
    const steps = accumulation * (batch / micro);
    const title = `Use micro-batches of ${micro} with gradient_accumulation_steps ${steps}`;
    const edits = [
      set(['training', 'per_device_train_batch_size'], micro),
      set(['training', 'gradient_accumulation_steps'], steps),
    ];
    found.push(change(config, { title, cost: 'the same optimizer step in smaller pieces' }, edits));
  }
  return found;
}

function smallerEvaluation({ config }: LintContext): Shrink[] {
  if (config.data.eval === undefined || config.training.per_device_eval_batch_size === 1) return [];
  const named = { title: 'Evaluate with per_device_eval_batch_size 1', cost: 'evaluation takes longer' };
  return [change(config, named, [set(['training', 'per_device_eval_batch_size'], 1)])];
}

/**
 * Gradient checkpointing. A pass forward costs as much as one backward to the inputs, and full fine-tuning has another
 * backward to the weights: one more forward is a half more work on a frozen base, a third on a trained one.
 */
function keepingLess({ config }: LintContext, kind: 'selective' | 'block'): Shrink[] {
  const { gradient_checkpointing: now } = config.memory;
  if (config.method.type === 'few-shot' || now === 'block' || now === kind) return [];
  const named = {
    selective: { title: 'Enable selective checkpointing', cost: 'norms and activations run twice' },
    block: {
      title: 'Enable block checkpointing',
      cost: `about +${config.method.type === 'full' ? 33 : 50} % time`,
    },
  }[kind];
  return [change(config, named, [set(['memory', 'gradient_checkpointing'], kind)])];
}

/** Half of the frozen weights' memory, then an eighth. */
function fewerBits({ config }: LintContext): Shrink[] {
  const { quantization } = config.memory;
  if (config.method.type === 'full' || (quantization !== 'none' && quantization !== 'f16')) return [];
  const cost = { f16: 'base weights are rounded', nf4: 'base weights lose precision' };
  const smaller = quantization === 'none' ? (['f16', 'nf4'] as const) : (['nf4'] as const);
  return smaller.map(kind =>
    change(config, { title: `Store the base as ${kind}`, cost: cost[kind] }, [set(['memory', 'quantization'], kind)]),
  );
}

/** Down to the length that 95 % of the rows keep whole. */
function shorterRows({ config, facts }: LintContext): Shrink[] {
  const tokens = facts.data?.train?.tokens ?? [];
  const wanted = Math.ceil(quantile(tokens, 0.95) / 16) * 16;
  if (wanted <= 0 || wanted >= config.data.max_length) return [];
  const cut = tokens.filter(length => length > wanted).length;
  const named = { title: `Use max_length ${wanted}`, cost: `${share(cut, tokens.length)} rows lose their end` };
  return [change(config, named, [set(['data', 'max_length'], wanted)])];
}

/** Frozen blocks that take turns on the GPU. */
function waitingWeights({ config }: LintContext): Shrink[] {
  if (config.method.type === 'full' || config.memory.offload.parameters !== 'none') return [];
  const named = { title: 'Offload parameters to host memory', cost: 'the frozen blocks are sent twice a micro-batch' };
  return [change(config, named, [set(['memory', 'offload', 'parameters'], 'cpu')])];
}

/** Trains an adapter in place of all weights. */
function adapterOnly({ config }: LintContext): Shrink[] {
  if (config.method.type !== 'full') return [];
  const edits = [set(['method', 'type'], 'lora')];
  const named = { title: 'Train a LoRA instead', cost: 'the base stays as it is' };
  const method = runConfigSchema.shape.method.parse({ type: 'lora' });
  return [{ ...named, edits, config: { ...config, method } }];
}

/** The last (strongest) of each kind at once. */
function merge({ config }: LintContext, all: readonly Shrink[]): Shrink | undefined {
  const strongest = new Map(all.flatMap(({ edits }) => edits).map(edit => [edit.path.join('.'), edit]));
  const named = { title: 'Use all of these savings at once', cost: 'with what each of them costs' };
  return strongest.size === 0 ? undefined : change(config, named, [...strongest.values()]);
}
