import { methodChange, type BaseConfig } from '../comparison/variants';
import type { EditOp } from '../config/edits';
import { applyFix } from '../config/fix';
import { show } from '../config/issues';
import { isMethodChoice } from '../config/methodChoices';
import { batchKey, methodKey, type Changes } from './changes';

/**
 * What turns the base config into one with `changes`. Another method begins as a comparison would begin it, with its
 * recommended learning rate; another micro-batch takes the accumulation along, so that a step has the same rows.
 */
export function editsOf(base: BaseConfig, changes: Changes): EditOp[] {
  const { [methodKey]: type, ...rest } = changes;
  const method = isMethodChoice(type) ? methodChange(base, type, asRecommended).edits : [];
  const set = Object.entries(rest).flatMap(([key, value]) => editOf(base, key, value));
  return [...method, ...set];
}

const asRecommended = { matchParameters: false, recommendedRate: true };

function editOf({ config }: BaseConfig, key: string, value: unknown): EditOp[] {
  const path = key.split('.');
  if (value === null) return [{ op: 'remove', path }];
  const own: EditOp = { op: 'set', path, value };
  if (key !== batchKey || typeof value !== 'number') return [own];
  const { per_device_train_batch_size: batch, gradient_accumulation_steps: accumulation } = config.training;
  const steps = (batch * accumulation) / value;
  if (!Number.isInteger(steps)) return [own];
  return [own, { op: 'set', path: ['training', 'gradient_accumulation_steps'], value: steps }];
}

/** The text of the base config with `changes`; comments and layout elsewhere stay as they are. */
export function changedText(base: BaseConfig, changes: Changes): string {
  return applyFix(base.text, { title: '', edits: editsOf(base, changes) });
}

/** Each change in words: `quantization nf4`, `budget_mib left out`. */
export function describeEdits(edits: readonly EditOp[]): string[] {
  return edits.map(edit => {
    const name = String(edit.path.at(-1));
    if (edit.op !== 'set') return `${name} left out`;
    if (edit.path.join('.') === 'method') return `method ${show((edit.value as { type: unknown }).type)}`;
    return `${edit.path[1] === 'offload' ? 'offload.' : ''}${name} ${show(edit.value)}`;
  });
}
