import type { Control } from './controls';

/** Values by place in the config, as `memory.quantization`; `null` leaves the key out. */
export type Changes = Readonly<Record<string, unknown>>;

/** The key whose changes keep the rows of an optimizer step. */
export const batchKey = 'training.per_device_train_batch_size';

/** The key whose change brings other keys of its section. */
export const methodKey = 'method.type';

/** The changes that mean something: without those of another method's keys, and those that say what the config says already. */
export function keptChanges(changes: Changes, controls: readonly Control[]): Changes {
  const known = new Map(controls.map(control => [control.key, control.value]));
  return Object.fromEntries(
    Object.entries(changes).filter(([key, value]) => known.has(key) && known.get(key) !== value),
  );
}
