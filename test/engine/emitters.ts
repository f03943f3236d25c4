import type { GraphBuilder } from '../../webview/engine/graph/builder';
import type { Emitter } from '../../webview/engine/graph/node';
import type { Tensor } from '../../webview/engine/graph/tensor';
import type { Profile } from '../../webview/engine/runtime/kernel';
import { copyInto } from '../../webview/engine/ops/accumulate';
import { runOp } from './harness';

export interface EmitTest {
  /** Contents by name. All become persistent tensors, so that the kernels may change them. */
  readonly data: Readonly<Record<string, Float32Array>>;
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  readonly step?: Uint32Array;
  /** Kernels of another profile than the adapter's own. */
  readonly profile?: Profile;
  readonly emit: (emit: Emitter, tensors: Readonly<Record<string, Tensor>>) => void;
}

/** Runs kernels that belong to no op of a graph (reductions, optimizer) and returns every tensor afterwards. */
export async function runEmit({ data, shapes, step, profile, emit }: EmitTest): Promise<Record<string, Float32Array>> {
  const build = (graph: GraphBuilder): readonly Tensor[] => {
    const tensors: Record<string, Tensor> = {};
    const inputs: Tensor[] = [];
    for (const [name, values] of Object.entries(data)) {
      const shape = shapes?.[name] ?? [values.length];
      inputs.push(graph.input(`given ${name}`, shape, 'f32'));
      tensors[name] = graph.state(name, shape);
    }
    graph.add({
      name: 'emit',
      kind: 'emit',
      inputs,
      outputs: [],
      saves: () => [],
      forward: emitter => {
        inputs.forEach(input => copyInto(emitter, tensors[input.name.slice('given '.length)], input));
        emit(withProfile(emitter, profile), tensors);
      },
    });
    return [];
  };
  const given = Object.fromEntries(Object.entries(data).map(([name, values]) => [`given ${name}`, values]));
  return (await runOp({ build, data: given, step })).values;
}

function withProfile(emit: Emitter, profile = emit.profile): Emitter {
  return {
    profile,
    training: emit.training,
    dispatch: (kernel, bindings, params, grid) => emit.dispatch(kernel, bindings, params, grid),
    wants: output => emit.wants(output),
    temp: (name, shape, dtype) => emit.temp(name, shape, dtype),
  };
}
