import { allRules } from './rules/all';
import type { Rule } from './rule';
import type { RunConfig } from './schema';

/** What a rule has to say about an action that is no part of a config. */
export interface Note {
  readonly rule: Rule;
  readonly message: string;
}

/**
 * Which weights an adapter is merged into: those of the model's file, those that training saw, or the latter quantized
 * once more.
 */
export type MergeBase = 'file' | 'dequantized' | 'quantized';

/** What to know before the adapter of a run with these memory settings is merged into `base`. */
export function mergeNotes({ quantization }: RunConfig['memory'], base: MergeBase): Note[] {
  const isPacked = quantization !== 'none' && quantization !== 'f16';
  if (base === 'quantized' && isPacked)
    return [note('Q07', `The merged weights would be quantized as ${quantization} again, which changes the outputs.`)];
  if (base === 'file' && isPacked)
    return [note('Q08', `The adapter was trained beside ${quantization} weights, not beside those of the file.`)];
  return [];
}

function note(id: string, message: string): Note {
  const rule = allRules.find(candidate => candidate.id === id);
  if (rule === undefined) throw new Error(`No rule is called ${id}.`);
  return { rule, message };
}
