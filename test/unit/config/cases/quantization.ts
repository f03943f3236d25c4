import { inspectModel } from '../../../../webview/engine/inspect';
import type { RuleCase } from '../ruleCase';
import { around, full, gpt2, llama } from '../surroundings';

const nf4 = { 'memory.quantization': 'nf4' };
/** Widths that 64 divides, and a vocabulary that weighs little beside the blocks. */
const wide = facts({ hidden_size: 128, intermediate_size: 512, vocab_size: 256 });
/** Widths that not even 32 divides. */
const odd = facts({ hidden_size: 112, intermediate_size: 360, vocab_size: 256 });

function facts(sizes: Record<string, number>) {
  const base = { model_type: 'llama', num_hidden_layers: 4, num_attention_heads: 4, num_key_value_heads: 2 };
  const text = JSON.stringify({ ...base, max_position_embeddings: 256, tie_word_embeddings: true, ...sizes });
  return { model: inspectModel({ config: text }, 'wide').facts };
}

export const quantizationCases: readonly RuleCase[] = [
  { id: 'Q01', bad: { ...full, ...nf4 }, good: nf4, at: '"nf4"', severity: 'error', fixed: true },
  {
    id: 'Q01',
    bad: { ...full, 'memory.quantization': 'int8' },
    good: full,
    at: '"int8"',
    severity: 'error',
    fixed: true,
  },
  { id: 'Q02', bad: { 'memory.quantization': 'fp4' }, good: nf4, at: '"fp4"', severity: 'warning', fixed: true },
  { id: 'Q03', bad: { ...nf4, 'memory.block_size': 512 }, good: nf4, at: '512', severity: 'warning', fixed: true },
  { id: 'Q03', bad: { ...nf4, 'memory.block_size': 96 }, good: nf4, at: '96', severity: 'error', fixed: true },
  {
    id: 'Q03',
    bad: { ...nf4, 'memory.block_size': 128 },
    good: { 'memory.block_size': 128 },
    at: '128',
    severity: 'warning',
  },
  { id: 'Q04', bad: nf4, facts: around(llama), goodFacts: wide, at: '"nf4"', severity: 'info', fixed: true },
  { id: 'Q04', bad: { ...nf4, 'memory.block_size': 32 }, facts: odd, goodFacts: wide, at: '32', severity: 'info' },
  {
    id: 'Q05',
    bad: { ...nf4, 'memory.embedding_dtype': 'f32' },
    good: { 'memory.embedding_dtype': 'f32' },
    facts: around(llama),
    at: '"f32"',
    severity: 'info',
  },
  { id: 'Q05', bad: nf4, facts: around(llama), goodFacts: wide, at: '"nf4"', severity: 'info' },
  {
    id: 'Q06',
    bad: { ...nf4, 'memory.double_quant': true },
    good: nf4,
    facts: around(gpt2),
    at: 'true',
    severity: 'info',
    fixed: true,
  },
  { id: 'Q09', bad: { 'training.fp16': true }, good: {}, at: 'fp16', severity: 'error', fixed: true },
  {
    id: 'Q09',
    bad: { 'memory.bnb_4bit_compute_dtype': 'bf16' },
    good: {},
    at: 'bnb_4bit',
    severity: 'error',
    fixed: true,
  },
];
