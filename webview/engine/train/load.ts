import type { ParameterSpec } from '../graph/builder';
import { codeTables, codeTablesName } from '../formats/codebook';
import { packF16 } from '../formats/half';
import { isPacked } from '../graph/tensor';
import { tensorCatalog, type TensorSpec } from '../model/catalog';
import { rotaryTables } from '../model/rotaryTables';
import { packedValues } from '../model/storage';
import type { Engine } from './engine';
import type { PreparedRun } from './prepare';

/** What {@link loadParameters} needs of a run. */
export type Loadable = Pick<PreparedRun, 'model' | 'method' | 'weights' | 'programs'>;

/** Uploads the start values of an adapter. */
export function loadAdapter(engine: Engine, { method, programs }: Pick<Loadable, 'method' | 'programs'>): void {
  for (const spec of programs.table.parameters)
    if (spec.category === 'adapter') engine.upload(spec.tensor, method.initialValue(spec));
}

/** Uploads every parameter of a run: base weights, rotary tables, the start values of the adapter. */
export function loadParameters(engine: Engine, run: Loadable): void {
  const { headDim, ropeTheta } = run.model;
  const rotary = rotaryTables(run.programs.spec.longest, headDim, ropeTheta);
  const specs = new Map(tensorCatalog(run.model).map(spec => [spec.name, spec]));
  for (const spec of run.programs.table.parameters) {
    const { name } = spec.tensor;
    if (name === 'rope.cos') engine.upload(spec.tensor, rotary.cos);
    else if (name === 'rope.sin') engine.upload(spec.tensor, rotary.sin);
    else if (name === codeTablesName) engine.upload(spec.tensor, new Float32Array(codeTables));
    else if (spec.category === 'adapter') engine.upload(spec.tensor, run.method.initialValue(spec));
    else engine.upload(spec.tensor, stored(spec, baseValues(run, spec), specs.get(name)));
  }
}

/** A base tensor, or the rows of it that a part `NAME#FIRST_ROW` holds. */
function baseValues(run: Loadable, { tensor }: ParameterSpec): Float32Array<ArrayBuffer> {
  const [name, firstRow] = tensor.name.split('#');
  const values = new Float32Array(run.method.startValue?.(name) ?? run.weights.read(name));
  if (firstRow === undefined) return values;
  const [rows, width] = tensor.shape;
  return values.slice(Number(firstRow) * width, (Number(firstRow) + rows) * width);
}

/** Values as the tensor's type keeps them. */
function stored({ tensor }: ParameterSpec, values: Float32Array<ArrayBuffer>, spec: TensorSpec | undefined) {
  const { dtype } = tensor;
  if (isPacked(dtype) && spec) return packedValues(values, spec, dtype);
  return dtype === 'f16' ? new Uint32Array(packF16(values)) : values;
}
