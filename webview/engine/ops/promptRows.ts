import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter } from '../graph/node';
import { elements, type Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { groupSize, kernelOf, put } from './kernelSource';

export interface PromptRowsOptions {
  /** The embedded stream [S, d]. */
  readonly x: Tensor;
  /** Position of each token within its example, u32 [S]. */
  readonly positions: Tensor;
  /** [P, d]: what stands at the positions below P. */
  readonly prompt: Tensor;
  /** Learned positions [n, d] that are already in `x` and belong to the prompt rows too; frozen. */
  readonly table?: Tensor;
}

/**
 * y = x, with prompt[position] (+ table[position]) in the rows whose position is below P: virtual tokens in place of the
 * placeholders of every example. Saves nothing.
 */
export function promptRows(g: GraphBuilder, name: string, options: PromptRowsOptions): Tensor {
  const { x, positions, prompt, table } = options;
  const d = x.shape[1];
  if (prompt.shape[1] !== d || (table && (table.shape[1] !== d || table.shape[0] < prompt.shape[0])))
    throw problem(
      'graph.shape',
      `${name}: ${prompt.name} [${prompt.shape.join(', ')}] does not fit a stream of width ${d}.`,
      'Check num_virtual_tokens and that the adapter belongs to this model.',
    );
  const y = g.value(name, x.shape);
  g.add({
    name,
    kind: 'promptRows',
    inputs: [x, positions, prompt, ...(table ? [table] : [])],
    outputs: [y],
    saves: () => [positions],
    forward: emit => forward(emit, options, y),
    backward: emit => backward(emit, options, y),
  });
  return y;
}

function forward(emit: Emitter, { x, positions, prompt, table }: PromptRowsOptions, y: Tensor): void {
  const bindings = [x, positions, prompt, y, ...(table ? [table] : [])];
  const count = elements(y.shape);
  emit.dispatch(
    forwardKernel(table !== undefined),
    bindings,
    [count, y.shape[1], prompt.shape[0]],
    grid1d(count, groupSize),
  );
}

function backward(emit: BackwardEmitter, { x, positions, prompt }: PromptRowsOptions, y: Tensor): void {
  const dy = emit.grad(y);
  const [S, d] = y.shape;
  const P = prompt.shape[0];
  if (emit.needs(prompt)) {
    const { tensor, accumulate } = emit.into(prompt);
    const params = [P * d, d, S, accumulate ? 1 : 0];
    emit.dispatch(promptKernel(), [dy, positions, tensor], params, grid1d(P * d, groupSize));
  }
  if (!emit.needs(x)) return;
  const { tensor, accumulate } = emit.into(x);
  emit.dispatch(restKernel(), [dy, positions, tensor], [S * d, d, P, accumulate ? 1 : 0], grid1d(S * d, groupSize));
}

function forwardKernel(positioned: boolean): Kernel {
  return kernelOf(`prompt_rows${positioned ? '_positions' : ''}`, () => ({
    storage: {
      x: 'array<f32>',
      positions: 'array<u32>',
      prompt: 'array<f32>',
      y: 'array<f32>',
      ...(positioned ? { table: 'array<f32>' } : {}),
    },
    params: { count: 'u32', d: 'u32', rows: 'u32' },
    main: `  if (i >= p.count) { return; }
  let position = positions[i / p.d];
  let at = position * p.d + i % p.d;
  if (position < p.rows) { y[i] = prompt[at]${positioned ? ' + table[at]' : ''}; } else { y[i] = x[i]; }`,
  }));
}

/** Each element of the prompt adds up the rows at its position, in stream order. */
function promptKernel(): Kernel {
  return kernelOf('prompt_rows_gradient', () => ({
    storage: { dy: 'array<f32>', positions: 'array<u32>', gradient: 'array<f32>' },
    params: { count: 'u32', d: 'u32', tokens: 'u32', accumulate: 'u32' },
    main: `  if (i >= p.count) { return; }
  let position = i / p.d;
  let column = i % p.d;
  var sum = 0.0;
  for (var token = 0u; token < p.tokens; token++) {
    if (positions[token] == position) { sum += dy[token * p.d + column]; }
  }
  ${put('gradient[i]', 'sum')}`,
  }));
}

function restKernel(): Kernel {
  return kernelOf('prompt_rows_rest', () => ({
    storage: { dy: 'array<f32>', positions: 'array<u32>', dx: 'array<f32>' },
    params: { count: 'u32', d: 'u32', rows: 'u32', accumulate: 'u32' },
    main: `  if (i >= p.count) { return; }
  let value = select(dy[i], 0.0, positions[i / p.d] < p.rows);
  ${put('dx[i]', 'value')}`,
  }));
}
