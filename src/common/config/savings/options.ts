import type { EditOp } from '../edits';
import { keyAt } from '../keys';
import { offloadPlace, type OffloadKind } from '../offload';
import { quantile, share, type LintContext } from '../rule';
import type { ConfigPath } from '../range';
import { runConfigSchema, type RunConfig } from '../schema';

/** A way to use less memory. */
export interface Saving {
  /** Of savings of one kind at most one is used. */
  readonly kind: string;
  readonly title: string;
  readonly edits: readonly EditOp[];
  /** What it costs beside time, in words. */
  readonly cost?: string;
  /** How much that is to be avoided: 1 weighs as much as a run of twice the time. */
  readonly loss: number;
}

const base = ['training'] as const;
const batchPath = [...base, 'per_device_train_batch_size'];
const accumulationPath = [...base, 'gradient_accumulation_steps'];
const checkpointingPath = ['memory', 'gradient_checkpointing'];

/** Everything that can be changed to save memory, in the order in which it is applied when several are. */
export function savingsOf(context: LintContext): Saving[] {
  return [
    ...smallerEvaluation(context),
    ...smallerBatches(context),
    ...keepingLess(context),
    ...fewerBits(context),
    ...shorterRows(context),
    ...offloads(context),
    ...adapterOnly(context),
  ];
}

/** The config as these savings leave it. */
export function withSavings(config: RunConfig, savings: readonly Saving[]): RunConfig {
  const edits = savings.flatMap(saving => saving.edits);
  const changed = edits.reduce<object>(
    (section, edit) => (edit.op === 'set' ? put(section, edit.path, edit.value) : section),
    config,
  );
  // Keys of another method's type are not those of this one.
  const isOther = edits.some(edit => edit.path.join('.') === 'method.type');
  const method = isOther ? runConfigSchema.shape.method.parse({ type: 'lora' }) : config.method;
  return { ...(changed as RunConfig), method };
}

/** A copy with another value at `path`, below sections that a config always has. */
function put(section: object, [key, ...rest]: ConfigPath, value: unknown): object {
  if (rest.length === 0) return { ...section, [key]: value };
  return { ...section, [key]: put((section as Record<string, object>)[key], rest, value) };
}

function set(path: ConfigPath, value: unknown): EditOp {
  return { op: 'set', path, value };
}

function smallerEvaluation({ config }: LintContext): Saving[] {
  if (config.data.eval === undefined || config.training.per_device_eval_batch_size === 1) return [];
  const edits = [set([...base, 'per_device_eval_batch_size'], 1)];
  const title = 'Evaluate with per_device_eval_batch_size 1';
  return [{ kind: 'evaluation', title, edits, cost: 'evaluation takes longer', loss: 0.02 }];
}

/** Halves of the micro-batch, the optimizer step keeping its rows. */
function smallerBatches({ config }: LintContext): Saving[] {
  const { per_device_train_batch_size: batch, gradient_accumulation_steps: accumulation } = config.training;
  if (config.method.type === 'few-shot') return [];
  const found: Saving[] = [];
  for (let micro = Math.floor(batch / 2); micro >= 1; micro = Math.floor(micro / 2)) {
    if (batch % micro !== 0) continue;
    const steps = accumulation * (batch / micro);
    found.push({
      kind: 'micro-batch',
      title: `Use micro-batches of ${micro} with gradient_accumulation_steps ${steps}`,
      edits: [set(batchPath, micro), set(accumulationPath, steps)],
      cost: 'the same optimizer step in smaller pieces',
      loss: 0.03 * Math.log2(batch / micro),
    });
  }
  return found;
}

function keepingLess({ config }: LintContext): Saving[] {
  const { gradient_checkpointing: now } = config.memory;
  if (config.method.type === 'few-shot' || now === 'block') return [];
  const kind = 'checkpointing';
  const block = { kind, title: 'Enable block checkpointing', edits: [set(checkpointingPath, 'block')], loss: 0 };
  if (now === 'selective') return [block];
  const edits = [set(checkpointingPath, 'selective')];
  const cost = 'norms and activations run twice';
  return [{ kind, title: 'Enable selective checkpointing', edits, cost, loss: 0 }, block];
}

/** Half of the frozen weights' memory, then an eighth. */
function fewerBits({ config }: LintContext): Saving[] {
  const { quantization } = config.memory;
  if (config.method.type === 'full' || (quantization !== 'none' && quantization !== 'f16')) return [];
  const cost = { f16: 'base weights are rounded', nf4: 'base weights lose precision' };
  const smaller = quantization === 'none' ? (['f16', 'nf4'] as const) : (['nf4'] as const);
  return smaller.map(dtype => ({
    kind: 'quantization',
    title: `Store the base as ${dtype}`,
    edits: [set(['memory', 'quantization'], dtype)],
    cost: cost[dtype],
    loss: dtype === 'f16' ? 0.2 : 0.6,
  }));
}

/** Down to the length that 95 % of the rows keep whole. */
function shorterRows({ config, facts }: LintContext): Saving[] {
  const tokens = facts.data?.train?.tokens ?? [];
  const wanted = Math.ceil(quantile(tokens, 0.95) / 16) * 16;
  if (wanted <= 0 || wanted >= config.data.max_length) return [];
  const cut = tokens.filter(length => length > wanted).length;
  const edits = [set(['data', 'max_length'], wanted)];
  const cost = `${share(cut, tokens.length)} rows lose their end`;
  return [{ kind: 'length', title: `Use max_length ${wanted}`, edits, cost, loss: cut === 0 ? 0.01 : 0.7 }];
}

/** What can wait in host memory and does not yet. On a disk it would take as much of the GPU, and longer. */
function offloads({ config }: LintContext): Saving[] {
  if (config.method.type === 'few-shot') return [];
  const kinds = (keyAt(['memory', 'offload'])?.children ?? []).map(({ name }) => name as OffloadKind);
  return kinds.filter(kind => offloadPlace(config, kind) === 'none').map(kind => offload(config, kind));
}

function offload(config: RunConfig, kind: OffloadKind): Saving {
  const title = `Offload ${names[kind]} to host memory`;
  const edits = [set(['memory', 'offload', kind], 'cpu')];
  const alone = { kind: `offload.${kind}`, title, edits, loss: 0.1 };
  // Only what block checkpointing keeps can leave.
  if (kind !== 'activations' || config.memory.gradient_checkpointing === 'block') return alone;
  const both = `Enable block checkpointing and offload ${names[kind]} to host memory`;
  return { ...alone, title: both, edits: [set(checkpointingPath, 'block'), ...edits] };
}

const names: Readonly<Record<OffloadKind, string>> = {
  parameters: 'parameters',
  optimizer: 'the optimizer',
  activations: 'activations',
};

/** Trains an adapter in place of all weights. */
function adapterOnly({ config }: LintContext): Saving[] {
  if (config.method.type !== 'full') return [];
  const edits = [set(['method', 'type'], 'lora')];
  return [{ kind: 'method', title: 'Train a LoRA instead', edits, cost: 'the base stays as it is', loss: 3 }];
}
