import type { EditOp, Fix } from '../edits';
import type { ForecastFacts } from '../facts';
import { mib, quantile, type LintContext } from '../rule';
import type { ConfigPath } from '../range';
import type { RunConfig } from '../schema';

/** A way to use less memory, with the key it changes. */
interface Shrink {
  readonly path: ConfigPath;
  readonly edits: readonly EditOp[];
  readonly config: RunConfig;
}

/** What makes a run fit. */
export interface Remedy {
  readonly path: ConfigPath;
  readonly fixes: readonly Fix[];
}

/**
 * The changes that make `fits` true, cheapest first; what each costs was planned, not guessed. `path` is the key of the
 * first of them, or of the largest consumer that can be changed at all.
 */
export function remedies(context: LintContext, fits: (forecast: ForecastFacts) => boolean): Remedy {
  const all = shrinks(context);
  const single = all.flatMap(shrink => asFix(context, [shrink], fits));
  if (single.length > 0)
    return { path: single[0].edits[0].path, fixes: single.map((fix, i) => ({ ...fix, preferred: i === 0 })) };
  const together = merge(
    context,
    all.filter(shrink => shrink.path.at(-1) !== 'type'),
  );
  const combined = together === undefined ? [] : asFix(context, [together], fits);
  const path = all[0]?.path ?? ['model'];
  return { path, fixes: combined.map(fix => ({ ...fix, preferred: true })) };
}

function asFix(context: LintContext, [shrink]: readonly Shrink[], fits: (forecast: ForecastFacts) => boolean): Fix[] {
  const forecast = context.facts.forecast?.(shrink.config);
  if (forecast === undefined || 'problem' in forecast || !fits(forecast)) return [];
  const changes = shrink.edits.flatMap(edit => (edit.op === 'set' ? [`${edit.path.at(-1)} ${show(edit.value)}`] : []));
  return [{ title: `Use ${changes.join(', ')} (${mib(forecast.total)} MiB)`, edits: shrink.edits }];
}

function show(value: unknown): string {
  return typeof value === 'object' && value !== null && 'type' in value ? String(value.type) : String(value);
}

function shrinks(context: LintContext): Shrink[] {
  return [
    ...smallerBatches(context),
    ...smallerEvaluation(context),
    ...fewerBits(context),
    ...shorterRows(context),
    ...adapterOnly(context),
  ];
}

function change(config: RunConfig, edits: readonly EditOp[]): Shrink {
  const training = { ...config.training };
  let next: RunConfig = { ...config, training };
  for (const edit of edits) {
    if (edit.op !== 'set') continue;
    const [section, key] = edit.path;
    const part = { ...(next[section as keyof RunConfig] as object), [String(key)]: edit.value };
    next = { ...next, [section]: part };
  }
  return { path: edits[0].path, edits, config: next };
}

function set(section: string, key: string, value: unknown): EditOp {
  return { op: 'set', path: [section, key], value };
}

/** Halves of the micro-batch, the optimizer step keeping its rows. */
function smallerBatches({ config }: LintContext): Shrink[] {
  const { per_device_train_batch_size: batch, gradient_accumulation_steps: accumulation } = config.training;
  const found: Shrink[] = [];
  for (let micro = Math.floor(batch / 2); micro >= 1; micro = Math.floor(micro / 2)) {
    if (batch % micro !== 0) continue;
    const edits = [
      set('training', 'per_device_train_batch_size', micro),
      set('training', 'gradient_accumulation_steps', accumulation * (batch / micro)),
    ];
    found.push(change(config, edits));
  }
  return found;
}

function smallerEvaluation({ config }: LintContext): Shrink[] {
  const evaluates = config.data.eval !== undefined && config.training.per_device_eval_batch_size > 1;
  return evaluates ? [change(config, [set('training', 'per_device_eval_batch_size', 1)])] : [];
}

/** Half of the frozen weights' memory, then an eighth. */
function fewerBits({ config }: LintContext): Shrink[] {
  const { quantization } = config.memory;
  if (config.method.type === 'full' || (quantization !== 'none' && quantization !== 'f16')) return [];
  const smaller = quantization === 'none' ? ['f16', 'nf4'] : ['nf4'];
  return smaller.map(value => change(config, [set('memory', 'quantization', value)]));
}

/** Down to the length that 95 % of the rows keep whole. */
function shorterRows({ config, facts }: LintContext): Shrink[] {
  const tokens = facts.data?.train?.tokens ?? [];
  const wanted = Math.ceil(quantile(tokens, 0.95) / 16) * 16;
  return wanted > 0 && wanted < config.data.max_length ? [change(config, [set('data', 'max_length', wanted)])] : [];
}

/** Trains an adapter in place of all weights. */
function adapterOnly({ config }: LintContext): Shrink[] {
  if (config.method.type !== 'full') return [];
  const method: RunConfig['method'] = {
    type: 'lora',
    r: 8,
    lora_alpha: 8,
    lora_dropout: 0,
    use_rslora: false,
    target_modules: 'all-linear',
    rank_pattern: {},
    alpha_pattern: {},
    init_lora_weights: true,
    modules_to_save: [],
    bias: 'none',
  };
  return [
    {
      path: ['method', 'type'],
      edits: [{ op: 'set', path: ['method', 'type'], value: 'lora' }],
      config: { ...config, method },
    },
  ];
}

/** The last (strongest) of each kind at once. */
function merge({ config }: LintContext, all: readonly Shrink[]): Shrink | undefined {
  const strongest = new Map(all.flatMap(shrink => shrink.edits).map(edit => [edit.path.join('.'), edit]));
  return strongest.size === 0 ? undefined : change(config, [...strongest.values()]);
}
