import type { Tensor } from '../graph/tensor';
import { emitEffectiveRank } from '../ops/effectiveRank';
import { emitLoraImportance, type LoraCell } from '../ops/importance';
import type { ModuleSpec } from '../model/catalog';
import type { ImportanceTable } from '../../../src/common/run/events';
import type { LoraModule } from './lora';
import type { ImportancePlan, MethodRecorder } from './method';

/**
 * Three tables per module × block: the lecture's I_k = ‖∇(A_k, B_k) L‖, the size of the update, s·‖B A‖_F, and its
 * effective rank (ops/effectiveRank.ts says how it is defined). Measured on the device after the update; nothing of a
 * module's size is read back.
 */
export function loraImportance(
  { recorder, trainables }: MethodRecorder,
  modules: readonly LoraModule[],
): ImportancePlan | undefined {
  if (modules.length === 0) return undefined;
  const count = modules.length;
  const byName = new Map(trainables.specs.map(spec => [spec.tensor.name, spec.tensor]));
  const output: Tensor = recorder.tensor('importance', [3 * count], 'state');
  const cells: LoraCell[] = modules.map(({ nameA, nameB, scale }) => {
    const a = byName.get(nameA) as Tensor;
    const b = byName.get(nameB) as Tensor;
    const gradient = (tensor: Tensor) => (trainables.twins.get(tensor.id) as { gradient: Tensor }).gradient;
    return { a, b, gradientA: gradient(a), gradientB: gradient(b), scale };
  });
  emitLoraImportance(recorder, cells, output);
  cells.forEach(({ a, b }, index) => emitEffectiveRank(recorder, a, b, output, 2 * count + index));
  const metrics = ['gradient_norm', 'update_norm', 'effective_rank'];
  return {
    output,
    count: 3 * count,
    report: values => ({
      tables: metrics.map((metric, at) => moduleTable(metric, modules, values.subarray(at * count, (at + 1) * count))),
    }),
  };
}

/** Values in the order of `modules` as a table of module × block. */
export function moduleTable(
  metric: string,
  modules: readonly { readonly module: ModuleSpec }[],
  values: ArrayLike<number>,
): ImportanceTable {
  const { labels, blocks, cells } = moduleGrid(modules, index => values[index]);
  return { metric, modules: labels, blocks, values: cells };
}

/** Something for each of `modules`, in the cells of a table of module × block; null where there is no module. */
export function moduleGrid<T>(modules: readonly { readonly module: ModuleSpec }[], valueOf: (index: number) => T) {
  const rows = rowLabels(modules);
  const labels = [...new Set(rows)];
  const blocks = [...new Set(modules.map(m => m.module.block ?? -1))].sort((a, b) => a - b);
  const cells = labels.map(() => blocks.map((): T | null => null));
  modules.forEach((m, index) => {
    cells[labels.indexOf(rows[index])][blocks.indexOf(m.module.block ?? -1)] = valueOf(index);
  });
  return { labels, blocks, cells };
}

/** The last part of a module's path, or its whole path within the block where that is ambiguous (GPT-2's c_proj). */
function rowLabels(modules: readonly { readonly module: ModuleSpec }[]): string[] {
  const within = modules.map(m => m.module.path.replace(/^.*?\.\d+\./, ''));
  return modules.map((m, index) => {
    const rivals = within.filter(path => path.endsWith(`.${m.module.leaf}`) && path !== within[index]);
    return rivals.length > 0 ? within[index] : m.module.leaf;
  });
}
