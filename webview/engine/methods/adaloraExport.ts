import type { FileSet } from '../../../src/common/run/events';
import { writeFoldedAdapter } from '../formats/adaloraFold';
import { writeAdaloraAdapter, type KeptTriplets } from '../formats/adaloraWriter';
import type { AdaloraParts } from './adalora';
import type { AdaloraModule } from './adaloraModules';
import type { TensorValues } from './method';

/**
 * The adapter in both forms: PEFT's ADALORA and plain LoRA, one in the folder itself, the other in a folder inside it that
 * is called `lora` or `adalora`.
 */
export function exportTriplets({ all, base, options, schedule }: AdaloraParts, values: TensorValues): FileSet {
  const cut = keptTriplets(all, values);
  const kept = { ...cut, tensors: new Map([...values, ...cut.tensors]) };
  const origin = { ...options, base, totalStep: schedule.totalStep };
  const forms = { adalora: writeAdaloraAdapter(origin, kept), lora: writeFoldedAdapter(origin, kept) };
  const { export_format: main } = options.config;
  const other = main === 'adalora' ? 'lora' : 'adalora';
  const inside = Object.entries(forms[other]).map(([name, bytes]) => [`${other}/${name}`, bytes] as const);
  return { ...forms[main], ...Object.fromEntries(inside) };
}

/**
 * Cuts the tensors to the triplets with a singular value other than zero, which a pruned one has. As long as all are zero
 * nothing was trained yet, and all triplets stay.
 */
export function keptTriplets(modules: readonly AdaloraModule[], values: TensorValues): KeptTriplets {
  const untouched = modules.every(({ nameE }) => (values.get(nameE) ?? []).every(value => value === 0));
  const tensors = new Map<string, Float32Array>();
  const targets = modules.map(target => {
    const e = values.get(target.nameE);
    const left = Array.from({ length: target.rank }, (_, i) => untouched || (e !== undefined && e[i] !== 0));
    let next = 0;
    const kept = target.kept.map(is => is && left[next++]);
    const [a, b] = [values.get(target.nameA), values.get(target.nameB)];
    if (a) tensors.set(target.nameA, rowsOf(a, left));
    if (b) tensors.set(target.nameB, columnsOf(b, left));
    if (e) tensors.set(target.nameE, rowsOf(e, left));
    return { module: target.module, kept };
  });
  return { targets, tensors };
}

function rowsOf(values: Float32Array, kept: readonly boolean[]): Float32Array {
  const width = values.length / kept.length;
  return values.filter((_, at) => kept[Math.floor(at / width)]);
}

function columnsOf(values: Float32Array, kept: readonly boolean[]): Float32Array {
  return values.filter((_, at) => kept[at % kept.length]);
}
