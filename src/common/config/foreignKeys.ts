import type { Fix } from './edits';
import type { ConfigPath } from './range';

/** What a key of another tool means here, when it is no other name for a key of ours. */
export interface ForeignKey {
  /** Id of the rule that explains it. */
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly fixes: readonly Fix[];
}

/** transformers', Accelerate's and bitsandbytes' switches for 16-bit arithmetic. */
const halfArithmetic = new Set([
  'fp16',
  'bf16',
  'fp16_full_eval',
  'bf16_full_eval',
  'mixed_precision',
  'torch_dtype',
]).add('bnb_4bit_compute_dtype');
const loadSwitches: Readonly<Record<string, string>> = { load_in_4bit: 'nf4', load_in_8bit: 'int8' };

/** Explains `name` at `path` if it is a key of another tool that has no twin here. */
export function foreignKey(name: string, path: ConfigPath): ForeignKey | undefined {
  const remove: Fix = { title: `Remove ${name}`, edits: [{ op: 'remove', path }], preferred: true };
  if (halfArithmetic.has(name)) {
    const message = `\`${name}\` has no meaning here: arithmetic is f32 throughout.`;
    return { code: 'Q09', message, hint: 'How weights are stored is `memory.quantization`.', fixes: [remove] };
  }
  if (!Object.hasOwn(loadSwitches, name)) return undefined;
  const value = loadSwitches[name];
  const set = { op: 'set', path: ['memory', 'quantization'], value } as const;
  const replace: Fix = { title: `Write memory.quantization: ${value}`, edits: [...remove.edits, set], preferred: true };
  const message = `\`${name}\` is written \`memory.quantization: ${value}\` here.`;
  return { code: 'config.unknownKey', message, hint: 'Replace it.', fixes: [replace] };
}
