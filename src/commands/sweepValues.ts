import { parse } from 'yaml';
import { keysAt, type KeyInfo } from '../common/config/keys';
import { roundRate } from '../common/config/rule';
import type { RunConfig } from '../common/config/schema';

/** What people sweep first, in this order; the other keys with a number or a choice follow. */
const first = [
  'training.learning_rate',
  'method.r',
  'method.target_r',
  'method.reduction_factor',
  'method.num_virtual_tokens',
  'method.shots',
  'method.lora_alpha',
  'memory.quantization',
];

/** Keys that change what is learned by one value each. */
export function sweepableKeys(config: RunConfig): string[] {
  const sections = ['method', 'training', 'memory', 'data'];
  const all = sections.flatMap(section =>
    keysAt([section], config.method.type)
      .filter(isSweepable)
      .map(({ name }) => `${section}.${name}`),
  );
  const named = first.filter(key => all.includes(key));
  return [...named, ...all.filter(key => !named.includes(key) && !left.has(key))];
}

/** Keys that say how a run is carried out or identified, not what it learns. */
const left = new Set(['method.type', 'training.seed', 'training.save_total_limit', 'training.importance_steps']);

function isSweepable({ shape, values, examples, default: usual }: KeyInfo): boolean {
  if (shape !== 'scalar') return false;
  return values.length > 1 || [usual, ...examples].some(value => typeof value === 'number');
}

/** The value that the config has, default included. */
export function currentValue(config: RunConfig, key: string): unknown {
  let value: unknown = config;
  for (const part of key.split('.')) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  }
  return value;
}

/** Values to start from: every choice of a choice, thirds and triples of a rate, halves and doubles of a count. */
export function proposedValues(config: RunConfig, key: string): unknown[] {
  const info = keysAt(key.split('.').slice(0, -1), config.method.type).find(({ name }) => key.endsWith(`.${name}`));
  if (info !== undefined && info.values.length > 1) return [...info.values];
  const value = currentValue(config, key);
  if (typeof value !== 'number' || value === 0) return [];
  if (!Number.isInteger(value)) return [roundRate(value / 3), roundRate(value), roundRate(value * 3)];
  return [...new Set([Math.max(1, Math.round(value / 2)), value, value * 2])];
}

/** Reads values separated by commas, as a config would. */
export function readValues(text: string): unknown[] {
  const parts = text.split(',').map(part => part.trim());
  return parts.filter(part => part !== '').map(valueOf);
}

function valueOf(text: string): unknown {
  try {
    return parse(text) as unknown;
  } catch {
    return text;
  }
}
