import { GraphBuilder } from '../../webview/engine/graph/builder';
import { record } from '../../webview/engine/graph/record';
import { idRange, type Program } from '../../webview/engine/graph/recorder';
import { elements, type Shape, type Tensor } from '../../webview/engine/graph/tensor';
import { planEngine } from '../../webview/engine/memory/enginePlan';
import { copyInto, addInto } from '../../webview/engine/ops/accumulate';
import { openDevice, type OpenDevice } from '../../webview/engine/runtime/device';
import { Executor } from '../../webview/engine/runtime/executor';
import { stepWords } from '../../webview/engine/runtime/kernel';
import { countBuffers } from '../../webview/engine/runtime/ledger';
import { PipelineCache } from '../../webview/engine/runtime/pipelines';
import { nodeGpu } from '../../src/headless/gpu';

let opening: Promise<OpenDevice> | undefined;

/** One device for all engine tests of a process. */
export function testDevice(): Promise<OpenDevice> {
  opening ??= openDevice(nodeGpu());
  return opening;
}

/** A device of its own that grants what WebGPU promises everywhere, and no more. */
export async function defaultDevice(): Promise<OpenDevice> {
  const { info, profile } = await testDevice();
  const adapter = await nodeGpu().requestAdapter();
  if (!adapter) throw new Error('no adapter');
  const device = await adapter.requestDevice({ requiredFeatures: profile === 'quads' ? ['subgroups'] : [] });
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const limits = { maxBufferSize, maxStorageBufferBindingSize };
  return {
    device,
    info: { ...info, limits },
    profile,
    pipelines: new PipelineCache(device),
    ledger: countBuffers(device),
  };
}

export type Data = Record<string, Float32Array | Uint32Array>;

export interface OpTest {
  /** Builds the op under test and returns the values to look at. */
  readonly build: (graph: GraphBuilder) => readonly Tensor[];
  /** Contents of parameters, differentiable inputs and `graph.input`s by name; f16 parameters as packed words. */
  readonly data: Data;
  /** dL/d`output` by output name. With it the reverse pass runs too. A fused loss in the graph needs `{}`. */
  readonly upstream?: Record<string, Float32Array>;
  /** Words of the Step uniform (see kernel.ts). */
  readonly step?: Uint32Array;
  /** Runs of the training program without zeroing gradients in between (accumulation); 1 by default. */
  readonly repeats?: number;
}

export interface OpResult {
  readonly values: Record<string, Float32Array>;
  /** Gradients of trainable parameters and of `differentiable` inputs, by name. */
  readonly gradients: Record<string, Float32Array>;
}

/**
 * A differentiable op input: a trained parameter behind a copy, so that the op sees an ordinary value and its gradient
 * goes through the same targets as in a model.
 */
export function differentiable(graph: GraphBuilder, name: string, shape: Shape): Tensor {
  const parameter = graph.parameter(name, shape, { trainable: true });
  const value = graph.value(`${name}.value`, shape);
  graph.add({
    name: `${name}.copy`,
    kind: 'copy',
    inputs: [parameter],
    outputs: [value],
    saves: () => [],
    forward: emit => copyInto(emit, value, parameter),
    backward: emit => {
      if (emit.needs(parameter)) addInto(emit, emit.into(parameter).tensor, emit.grad(value));
    },
  });
  return value;
}

/** Runs forward, and backward when `upstream` is given, on the real compiler, planner and executor. */
export async function runOp(test: OpTest): Promise<OpResult> {
  const opened = await testDevice();
  const { info, profile } = opened;
  const graph = new GraphBuilder();
  const outputs = test.build(graph);
  const shown = outputs.map(output => keep(graph, output));
  if (test.upstream && Object.keys(test.upstream).length > 0) seed(graph, outputs, test.upstream);
  const program = record(graph, { mode: test.upstream ? 'train' : 'evaluate', profile });
  const empty: Program = { dispatches: [], gradients: new Map() };
  const plan = planEngine({
    table: graph.table,
    limits: info.limits,
    gradients: program.gradients,
    programs: () => ({ test: program, none: empty }),
    readbackBytes: 1 << 20,
  });
  const executor = new Executor(opened, plan);
  try {
    await executor.prepare([program.dispatches]);
    const data: Data = { ...test.data };
    for (const [name, value] of Object.entries(test.upstream ?? {})) data[`upstream:${name}`] = value;
    for (const tensor of [...graph.table.parameters.map(p => p.tensor), ...graph.table.inputs]) {
      const words = data[tensor.name];
      if (!words) throw new Error(`no data for ${tensor.name}`);
      executor.write(tensor, words instanceof Float32Array ? new Float32Array(words) : new Uint32Array(words));
    }
    executor.writeStep(new Uint32Array(test.step ?? new Uint32Array(stepWords)));
    const loaded = executor.load(program, plan.regions.test);
    for (let run = 0; run < (test.repeats ?? 1); run++) executor.run(loaded);
    const result: OpResult = { values: {}, gradients: {} };
    for (const [index, output] of outputs.entries())
      result.values[output.name] = await executor.read(shown[index], elements(output.shape));
    for (const state of graph.table.states)
      result.values[state.name] ??= await executor.read(state, elements(state.shape));
    for (const spec of graph.table.parameters) {
      const twin = plan.trainables.twins.get(spec.tensor.id);
      if (twin && test.upstream)
        result.gradients[spec.tensor.name] = await executor.read(twin.gradient, elements(spec.tensor.shape));
    }
    return result;
  } finally {
    executor.dispose();
  }
}

/** Copies an output into a persistent tensor, so that its memory is not reused before it is read. */
function keep(graph: GraphBuilder, output: Tensor): Tensor {
  const kept = graph.state(`kept:${output.name}`, output.shape);
  graph.add({
    name: `keep ${output.name}`,
    kind: 'keep',
    inputs: [output],
    outputs: [],
    saves: () => [],
    forward: emit => copyInto(emit, kept, output),
  });
  return kept;
}

function seed(graph: GraphBuilder, outputs: readonly Tensor[], upstream: Record<string, Float32Array>): void {
  for (const output of outputs) {
    if (!(output.name in upstream)) continue;
    const gradient = graph.input(`upstream:${output.name}`, output.shape, 'f32');
    graph.add({
      name: `loss on ${output.name}`,
      kind: 'seed',
      inputs: [output],
      outputs: [],
      fusedLoss: true,
      saves: () => [],
      forward: () => undefined,
      backward: emit => {
        if (!emit.needs(output)) return;
        const target = emit.into(output);
        (target.accumulate ? addInto : copyInto)(emit, target.tensor, gradient);
      },
    });
  }
}

/** Ids far from any graph's, for tests that record programs by hand. */
export const testIds = 10 * idRange;

/** Largest |a-b| over the largest |b|; NaN anywhere is Infinity. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs(actual[i] - expected[i]);
    if (!(d <= Infinity) || Number.isNaN(d)) return Infinity;
    difference = Math.max(difference, d);
    scale = Math.max(scale, Math.abs(expected[i]));
  }
  return difference / Math.max(scale, 1e-30);
}

/** Seeded values in [-1, 1). */
export function randomArray(count: number, seed: number, scale = 1): Float32Array {
  let state = (seed * 2654435761 + 1) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * scale;
  });
}
