import { runConfigSchema } from '../../../src/common/config/schema';
import { GraphBuilder } from '../../../webview/engine/graph/builder';
import { record } from '../../../webview/engine/graph/record';
import type { Program } from '../../../webview/engine/graph/recorder';
import { elements, type Tensor } from '../../../webview/engine/graph/tensor';
import { planEngine } from '../../../webview/engine/memory/enginePlan';
import { methodOf } from '../../../webview/engine/methods/methodOf';
import type { ModelConfig } from '../../../webview/engine/model/config';
import { copyInto } from '../../../webview/engine/ops/accumulate';
import { emitMatmul } from '../../../webview/engine/ops/matmul';
import { openDevice, type OpenDevice } from '../../../webview/engine/runtime/device';
import { Executor, type Loaded } from '../../../webview/engine/runtime/executor';
import { Engine } from '../../../webview/engine/train/engine';
import { planPrograms } from '../../../webview/engine/train/programs';
import { stepValues } from '../../../webview/engine/train/stepValues';
import type { MicroBatch } from '../../../webview/engine/data/batches';
import { batchOf, generator, learningRate, startValues, timed, type GptShape } from './shapes';

export type Form = 'nt' | 'nn' | 'tn';

let opened: Promise<OpenDevice> | undefined;

function device(): Promise<OpenDevice> {
  opened ??= openDevice(navigator.gpu);
  return opened;
}

/** Names the adapter; opens the device, so that no later time contains it. */
export async function open(): Promise<string> {
  const { info, profile } = await device();
  return `${info.vendor} ${info.architecture} (${profile})`;
}

const empty: Program = { dispatches: [], gradients: new Map() };

/** A program of hand-made nodes on real buffers. */
async function programOf(build: (graph: GraphBuilder) => void, data: Record<string, Float32Array<ArrayBuffer>>) {
  const opened = await device();
  const { info, profile } = opened;
  const graph = new GraphBuilder();
  build(graph);
  const program = record(graph, { mode: 'evaluate', profile });
  const plan = planEngine({
    table: graph.table,
    limits: info.limits,
    gradients: program.gradients,
    programs: () => ({ bench: program, none: empty }),
    readbackBytes: 1 << 20,
  });
  const executor = new Executor(opened, plan);
  await executor.prepare([program.dispatches]);
  for (const { tensor } of graph.parameters) executor.write(tensor, data[tensor.name]);
  return { executor, loaded: executor.load(program, plan.regions.bench), dispatches: program.dispatches };
}

function addNode(graph: GraphBuilder, inputs: readonly Tensor[], outputs: readonly Tensor[], forward: Emit): void {
  graph.add({ name: 'bench', kind: 'bench', inputs, outputs, saves: () => [], forward });
}

type Emit = Parameters<GraphBuilder['add']>[0]['forward'];

const products = new Map<string, { executor: Executor; loaded: Loaded }>();

/** Milliseconds of one n³ product, from submission to completion. */
export async function matmul(form: Form, n: number): Promise<number> {
  const key = `${form} ${n}`;
  let product = products.get(key);
  if (!product) {
    const next = generator(3);
    const values = () => Float32Array.from({ length: n * n }, () => next() - 0.5);
    product = await programOf(
      graph => {
        const [a, b] = [graph.parameter('a', [n, n]), graph.parameter('b', [n, n])];
        const out = graph.value('out', [n, n]);
        addNode(graph, [a, b], [out], emit => emitMatmul(emit, { form, a, b, out, m: n, n, k: n }));
      },
      { a: values(), b: values() },
    );
    products.set(key, product);
  }
  const { executor, loaded } = product;
  return timed(async () => {
    executor.run(loaded);
    await executor.idle();
  });
}

export interface DispatchCost {
  /** Microseconds of JavaScript per dispatch, encoding and submission. */
  readonly encode: number;
  /** Microseconds per dispatch until a program of tiny dispatches is done. */
  readonly whole: number;
}

const tiny = 256;

/** Cost of a dispatch that does nothing to speak of: one workgroup copies one value. */
export async function dispatchCost(rounds: number): Promise<DispatchCost> {
  const { executor, loaded } = await programOf(
    graph => {
      const [a, b] = [graph.parameter('a', [1]), graph.parameter('b', [1])];
      addNode(graph, [a], [], emit => {
        for (let i = 0; i < tiny; i++) copyInto(emit, i % 2 ? a : b, i % 2 ? b : a);
      });
    },
    { a: new Float32Array(1), b: new Float32Array(1) },
  );
  let [encode, whole] = [Infinity, Infinity];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    executor.run(loaded);
    encode = Math.min(encode, performance.now() - start);
    await executor.idle();
    whole = Math.min(whole, performance.now() - start);
  }
  return { encode: (encode * 1000) / tiny, whole: (whole * 1000) / tiny };
}

function modelOf(shape: GptShape): ModelConfig {
  return {
    family: 'gpt2',
    modelType: 'gpt2',
    hiddenSize: shape.width,
    layers: shape.layers,
    heads: shape.heads,
    kvHeads: shape.heads,
    headDim: shape.width / shape.heads,
    intermediateSize: 4 * shape.width,
    vocabSize: shape.vocabulary,
    maxPositions: shape.length,
    tiedEmbeddings: false,
    normEpsilon: 1e-5,
    activation: 'gelu_new',
    ropeTheta: 10000,
    qkvBias: true,
    outputBias: true,
    mlpBias: true,
    eosTokenIds: [],
  };
}

function microBatch(shape: GptShape): MicroBatch {
  const { tokens, targets } = batchOf(shape);
  const count = tokens.length;
  const start = Uint32Array.from({ length: count }, (_, i) => i - (i % shape.length));
  return {
    tokens: Uint32Array.from(tokens),
    positions: start.map((first, i) => i - first),
    segmentStart: start,
    segmentEnd: start.map(first => first + shape.length),
    labels: Uint32Array.from(targets),
    lossTokens: count,
    count,
  };
}

function tensorName(name: string): string {
  const names: Record<string, string> = {
    wte: 'transformer.wte.weight',
    wpe: 'transformer.wpe.weight',
    lm_head: 'lm_head.weight',
  };
  return names[name] ?? `transformer.${name.replace(/^h(\d)/, 'h.$1')}`;
}

interface Trainer {
  readonly engine: Engine;
  step: number;
  readonly run: () => Promise<number>;
}

const trainers = new Map<string, Trainer>();

/** Milliseconds from nothing but a device and weights in memory to the end of the first step, pipelines included. */
export async function firstStep(method: 'full' | 'lora', shape: GptShape): Promise<{ ms: number; loss: number }> {
  let loss = 0;
  const ms = await timed(async () => {
    const trainer = await makeTrainer(method, shape);
    trainers.set(key(method, shape), trainer);
    loss = await trainer.run();
  });
  return { ms, loss };
}

/** Milliseconds of one more step, to its loss on the host. */
export async function step(method: 'full' | 'lora', shape: GptShape): Promise<{ ms: number; loss: number }> {
  const trainer = trainers.get(key(method, shape));
  if (!trainer) throw new Error('Call firstStep first.');
  let loss = 0;
  const ms = await timed(async () => (loss = await trainer.run()));
  return { ms, loss };
}

function key(method: string, shape: GptShape): string {
  return `${method} ${JSON.stringify(shape)}`;
}

async function makeTrainer(type: 'full' | 'lora', shape: GptShape): Promise<Trainer> {
  const opened = await device();
  const model = modelOf(shape);
  const config = runConfigSchema.parse({
    model: 'bench',
    data: { train: 'bench' },
    method: type === 'full' ? { type } : { type, r: 8, target_modules: 'all-linear' },
    training: { weight_decay: 0, max_grad_norm: 1e9 },
  });
  const method = methodOf({ config, model, modelName: 'bench', passthrough: {}, totalSteps: 1 });
  const { training } = config;
  const programs = planPrograms({
    model,
    method,
    storage: { linear: 'f32', table: 'f32' },
    profile: opened.profile,
    limits: opened.info.limits,
    betas: [training.adam_beta1, training.adam_beta2],
    longest: shape.length,
    streams: { train: shape.length * shape.batch, evaluate: 0, generate: 0 },
  });
  const engine = await Engine.create(opened, programs);
  const values = new Map([...startValues(shape)].map(([name, { values: start }]) => [tensorName(name), start]));
  for (const spec of programs.table.parameters) {
    const start = values.get(spec.tensor.name) ?? method.initialValue(spec);
    if (start.length !== elements(spec.tensor.shape)) throw new Error(`${spec.tensor.name} has another shape.`);
    engine.upload(spec.tensor, start);
  }
  const batch = microBatch(shape);
  const { groups } = programs.plan.trainables;
  const trainer: Trainer = {
    engine,
    step: 0,
    run: async () => {
      const place = { training, groups, step: ++trainer.step, micro: 0, learningRate, lossTokens: batch.lossTokens };
      const words = stepValues(place);
      engine.beginWindow();
      await engine.accumulate(batch, words);
      return (await (await engine.finishWindow(words)).scalars).lossSum / batch.lossTokens;
    },
  };
  return trainer;
}
