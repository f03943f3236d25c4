import type { LintFacts, SplitFacts } from '../../../src/common/config/facts';
import { diagnose, type Diagnosis } from '../../../src/common/config/lint';
import { applyFix } from '../../../src/common/config/fix';
import { parseConfig } from '../../../src/common/config/parse';
import { forecaster, inspectModel } from '../../../webview/engine/inspect';

const llamaJson = {
  model_type: 'llama',
  hidden_size: 128,
  intermediate_size: 352,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 2048,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};
const gpt2Json = { model_type: 'gpt2', n_embd: 128, n_head: 4, n_layer: 2, n_positions: 64, vocab_size: 512 };

export const llama = inspectModel({ config: JSON.stringify(llamaJson) }, 'llama');
export const gpt2 = inspectModel({ config: JSON.stringify(gpt2Json) }, 'gpt2');

/** Facts of a real model: PEFT's selection and the engine's own planner. */
export function around(model: typeof llama, facts: LintFacts = {}): LintFacts {
  const hasOwnPlan = facts.limits !== undefined || facts.data !== undefined || facts.promptTokens !== undefined;
  const forecast = hasOwnPlan ? forecaster(model.config, facts) : defaultPlans.get(model);
  return { model: model.facts, forecast, ...facts };
}

/** Shared, because planning is the slow part of these tests and its results are kept. */
const defaultPlans = new Map([llama, gpt2].map(model => [model, forecaster(model.config, {})]));

export function split(rows: number, facts: Partial<SplitFacts> = {}): SplitFacts {
  return { rows, duplicates: 0, ...facts };
}

/** A config that no rule objects to, with keys replaced: `method.r: 4`. `undefined` removes a key. */
export function config(changes: Record<string, unknown> = {}): string {
  const value: Record<string, unknown> = {
    model: 'builtin:tiny',
    'data.train': 'train.jsonl',
    'data.max_length': 64,
    'method.type': 'lora',
    'method.r': 8,
    'method.lora_alpha': 16,
    'training.max_steps': 200,
    'training.learning_rate': 5e-4,
    'training.seed': 1,
    ...changes,
  };
  const tree: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const [section, name] = key.split('.');
    if (name === undefined) tree[section] = item;
    else tree[section] = { ...(tree[section] as Record<string, unknown> | undefined), [name]: item };
  }
  const lines = Object.entries(tree).map(([section, item]) => {
    if (typeof item !== 'object' || item === null) return `${section}: ${String(item)}`;
    const keys = Object.entries(item).map(([name, inner]) => `  ${name}: ${JSON.stringify(inner)} # keep ${name}`);
    return [`${section}:`, ...keys].join('\n');
  });
  return `# a comment\n${lines.join('\n')}\n`;
}

/** The ids of full fine-tuning instead of LoRA. */
export const full = { 'method.type': 'full', 'method.r': undefined, 'method.lora_alpha': undefined };

export function found(text: string, facts: LintFacts = {}): Diagnosis[] {
  return diagnose(parseConfig(text), facts);
}

/** The text after the first fix of each finding of one rule. */
export function repair(text: string, id: string, facts: LintFacts = {}): string {
  let current = text;
  for (let round = 0; round < 10; round++) {
    const fix = found(current, facts).find(({ code }) => code === id)?.fixes[0];
    if (fix === undefined) return current;
    current = applyFix(current, fix);
  }
  return current;
}
