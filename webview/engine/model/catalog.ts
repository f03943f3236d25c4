import type { ModelConfig } from './config';

/** One weight that a model's files must hold. */
export interface TensorSpec {
  /** Name as transformers saves it. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: 'linear' | 'embedding' | 'norm' | 'bias';
  /** Of a linear weight: `oi` is [out, in] (nn.Linear), `io` is [in, out] (GPT-2's Conv1D). */
  readonly layout: 'oi' | 'io';
}

/** One Linear or Conv1D module, which an adapter may target. */
export interface ModuleSpec {
  /** Path in the transformers model, e.g. `model.layers.0.self_attn.q_proj`. */
  readonly path: string;
  /** Last part of the path, e.g. `q_proj`. */
  readonly leaf: string;
  /** Number of the transformer block; `null` outside the blocks. */
  readonly block: number | null;
  readonly in: number;
  readonly out: number;
  readonly layout: 'oi' | 'io';
  readonly bias: boolean;
  readonly isOutputHead: boolean;
}

/** Every Linear and Conv1D in execution order, the output head last (also when it shares the embedding's weight). */
export function moduleCatalog(config: ModelConfig): ModuleSpec[] {
  const blocks = Array.from({ length: config.layers }, (_, block) =>
    config.family === 'gpt2' ? gpt2Modules(config, block) : llamaModules(config, block),
  );
  const head = module('lm_head', null, [config.hiddenSize, config.vocabSize], false);
  return [...blocks.flat(), { ...head, isOutputHead: true }];
}

/** Every weight in the order of use; `lm_head.weight` only when it is not tied to the embedding. */
export function tensorCatalog(config: ModelConfig): TensorSpec[] {
  const { hiddenSize, vocabSize, tiedEmbeddings, layers } = config;
  const head: TensorSpec[] = tiedEmbeddings
    ? []
    : [{ name: 'lm_head.weight', shape: [vocabSize, hiddenSize], kind: 'linear', layout: 'oi' }];
  const modules = moduleCatalog(config);
  const blocks = Array.from({ length: layers }, (_, block) => {
    const own = modules.filter(candidate => candidate.block === block);
    return config.family === 'gpt2' ? gpt2Block(config, block, own) : llamaBlock(config, block, own);
  });
  const outer = config.family === 'gpt2' ? gpt2Outer(config) : llamaOuter(config);
  return [...outer.before, ...blocks.flat(), ...outer.after, ...head];
}

/** Parameters of the model; a tied head counts once. */
export function totalParameters(config: ModelConfig): number {
  return tensorCatalog(config).reduce((sum, spec) => sum + spec.shape.reduce((a, b) => a * b, 1), 0);
}

function module(path: string, block: number | null, size: readonly [number, number], bias: boolean): ModuleSpec {
  const leaf = path.slice(path.lastIndexOf('.') + 1);
  return { path, leaf, block, in: size[0], out: size[1], layout: 'oi', bias, isOutputHead: false };
}

function gpt2Modules(config: ModelConfig, block: number): ModuleSpec[] {
  const { hiddenSize: d, intermediateSize: inner } = config;
  const conv = (name: string, size: readonly [number, number]): ModuleSpec => ({
    ...module(`transformer.h.${block}.${name}`, block, size, true),
    layout: 'io',
  });
  return [
    conv('attn.c_attn', [d, 3 * d]),
    conv('attn.c_proj', [d, d]),
    conv('mlp.c_fc', [d, inner]),
    conv('mlp.c_proj', [inner, d]),
  ];
}

function llamaModules(config: ModelConfig, block: number): ModuleSpec[] {
  const { hiddenSize: d, intermediateSize: inner, qkvBias, outputBias, mlpBias } = config;
  const q = config.heads * config.headDim;
  const kv = config.kvHeads * config.headDim;
  const linear = (name: string, size: readonly [number, number], bias: boolean) =>
    module(`model.layers.${block}.${name}`, block, size, bias);
  return [
    linear('self_attn.q_proj', [d, q], qkvBias),
    linear('self_attn.k_proj', [d, kv], qkvBias),
    linear('self_attn.v_proj', [d, kv], qkvBias),
    linear('self_attn.o_proj', [q, d], outputBias),
    linear('mlp.gate_proj', [d, inner], mlpBias),
    linear('mlp.up_proj', [d, inner], mlpBias),
    linear('mlp.down_proj', [inner, d], mlpBias),
  ];
}

function weightsOf(spec: ModuleSpec): TensorSpec[] {
  const shape = spec.layout === 'io' ? [spec.in, spec.out] : [spec.out, spec.in];
  const weight: TensorSpec = { name: `${spec.path}.weight`, shape, kind: 'linear', layout: spec.layout };
  return spec.bias ? [weight, vector(`${spec.path}.bias`, spec.out, 'bias')] : [weight];
}

function vector(name: string, size: number, kind: 'norm' | 'bias'): TensorSpec {
  return { name, shape: [size], kind, layout: 'oi' };
}

function embedding(name: string, shape: readonly number[]): TensorSpec {
  return { name, shape, kind: 'embedding', layout: 'oi' };
}

function layerNorm(path: string, size: number): TensorSpec[] {
  return [vector(`${path}.weight`, size, 'norm'), vector(`${path}.bias`, size, 'norm')];
}

function gpt2Block(config: ModelConfig, block: number, modules: readonly ModuleSpec[]): TensorSpec[] {
  const path = `transformer.h.${block}`;
  const [attention, mlp] = [modules.slice(0, 2), modules.slice(2)];
  return [
    ...layerNorm(`${path}.ln_1`, config.hiddenSize),
    ...attention.flatMap(weightsOf),
    ...layerNorm(`${path}.ln_2`, config.hiddenSize),
    ...mlp.flatMap(weightsOf),
  ];
}

function llamaBlock(config: ModelConfig, block: number, modules: readonly ModuleSpec[]): TensorSpec[] {
  const path = `model.layers.${block}`;
  const [attention, mlp] = [modules.slice(0, 4), modules.slice(4)];
  return [
    vector(`${path}.input_layernorm.weight`, config.hiddenSize, 'norm'),
    ...attention.flatMap(weightsOf),
    vector(`${path}.post_attention_layernorm.weight`, config.hiddenSize, 'norm'),
    ...mlp.flatMap(weightsOf),
  ];
}

interface Outer {
  readonly before: TensorSpec[];
  readonly after: TensorSpec[];
}

function gpt2Outer({ vocabSize, hiddenSize, maxPositions }: ModelConfig): Outer {
  return {
    before: [
      embedding('transformer.wte.weight', [vocabSize, hiddenSize]),
      embedding('transformer.wpe.weight', [maxPositions, hiddenSize]),
    ],
    after: layerNorm('transformer.ln_f', hiddenSize),
  };
}

function llamaOuter({ vocabSize, hiddenSize }: ModelConfig): Outer {
  return {
    before: [embedding('model.embed_tokens.weight', [vocabSize, hiddenSize])],
    after: [vector('model.norm.weight', hiddenSize, 'norm')],
  };
}
