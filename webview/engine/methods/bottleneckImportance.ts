import type { ImportanceTable } from '../../../src/common/run/events';
import type { GraphBuilder } from '../graph/builder';
import type { Tensor } from '../graph/tensor';
import { copyInto } from '../ops/accumulate';
import { emitGradientNorm } from '../ops/gradientNorm';
import type { AdapterPlace } from './bottleneckPlaces';
import type { ImportancePlan, MethodRecorder } from './method';

const stateName = 'gate_norms';

/** One ratio per adapter, written by the training program (`ops/gateMeter.ts`). */
export function gateState(graph: GraphBuilder, places: readonly AdapterPlace[]): Tensor {
  return graph.methodState(stateName, [places.length]);
}

/**
 * Two tables, attention and MLP × block: `gate_norm`, ‖a(z)‖_F / ‖z‖_F over the tokens of the step's last micro-batch,
 * before its update; and `gradient_norm`, ‖∇L‖₂ over all tensors of the adapter.
 */
export function bottleneckImportance(recording: MethodRecorder, places: readonly AdapterPlace[]): ImportancePlan {
  const { recorder, trainables } = recording;
  const count = places.length;
  const output = recorder.tensor('importance', [2 * count], 'state');
  const byName = new Map(trainables.specs.map(spec => [spec.tensor.name, spec.tensor.id]));
  places.forEach(({ tensors }, index) => {
    const gradients = tensors.map(({ name }) => {
      const twin = trainables.twins.get(byName.get(name) as number) as { gradient: Tensor };
      return twin.gradient;
    });
    emitGradientNorm(recorder, gradients, output, count + index);
  });
  copyInto(recorder, { ...output, shape: [count] }, recording.state(stateName, [count]));
  return {
    output,
    count: 2 * count,
    report: values => ({
      tables: [
        placeTable('gate_norm', places, values.subarray(0, count)),
        placeTable('gradient_norm', places, values.subarray(count, 2 * count)),
      ],
    }),
  };
}

/** Values in the order of `places` as a table of sublayer × block. */
function placeTable(metric: string, places: readonly AdapterPlace[], values: ArrayLike<number>): ImportanceTable {
  const modules = (['attention', 'mlp'] as const).filter(kind => places.some(place => place.kind === kind));
  const blocks = [...new Set(places.map(place => place.block))].sort((a, b) => a - b);
  const cells = modules.map(() => blocks.map((): number | null => null));
  places.forEach(({ kind, block }, index) => {
    cells[modules.indexOf(kind)][blocks.indexOf(block)] = values[index];
  });
  return { metric, modules, blocks, values: cells };
}
