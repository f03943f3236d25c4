import type { Control } from './controls';

/** Values by place in the config, as `memory.quantization`; `null` leaves the key out. */
export type Changes = Readonly<Record<string, unknown>>;

/** The key whose changes keep the rows of an optimizer step. */
export const batchKey = 'training.per_device_train_batch_size';

/** The key whose change brings other keys of its section. */
export const methodKey = 'method.type';

/**
 * The changes that mean something, in the order of the keys: without those of another method's keys, and those that say what
 * the config says already.
 */
export function keptChanges(changes: Changes, controls: readonly Control[]): Changes {
  const kept = controls.filter(({ key, value }) => Object.hasOwn(changes, key) && changes[key] !== value);
  return Object.fromEntries(kept.map(({ key }) => [key, changes[key]]));
}
