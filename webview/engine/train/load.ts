import type { ParameterSpec } from '../graph/builder';
import { codeTables, codeTablesName } from '../formats/codebook';
import { packF16 } from '../formats/half';
import { packBlocks, transpose } from '../formats/packedMatrix';
import { isPacked } from '../graph/tensor';
import { tensorCatalog } from '../model/catalog';
import { rotaryTables } from '../model/rotaryTables';
import type { Engine } from './engine';
import type { PreparedRun } from './prepare';

/** Uploads every parameter of a run: base weights, rotary tables, the start values of the adapter. */
export function loadParameters(engine: Engine, run: PreparedRun): void {
  const { headDim, ropeTheta } = run.model;
  const rotary = rotaryTables(run.programs.spec.longest, headDim, ropeTheta);
  const turned = new Set(tensorCatalog(run.model).flatMap(spec => (spec.layout === 'io' ? [spec.name] : [])));
  for (const spec of run.programs.table.parameters) {
    const { name } = spec.tensor;
    if (name === 'rope.cos') engine.upload(spec.tensor, rotary.cos);
    else if (name === 'rope.sin') engine.upload(spec.tensor, rotary.sin);
    else if (name === codeTablesName) engine.upload(spec.tensor, new Float32Array(codeTables));
    else if (spec.category === 'adapter') engine.upload(spec.tensor, run.method.initialValue(spec));
    else engine.upload(spec.tensor, stored(spec, baseValues(run, spec), turned.has(name)));
  }
}

/** A base tensor, or the rows of it that a part `NAME#FIRST_ROW` holds. */
function baseValues(run: PreparedRun, { tensor }: ParameterSpec): Float32Array<ArrayBuffer> {
  const [name, firstRow] = tensor.name.split('#');
  const values = new Float32Array(run.method.startValue?.(name) ?? run.weights.read(name));
  if (firstRow === undefined) return values;
  const [rows, width] = tensor.shape;
  return values.slice(Number(firstRow) * width, (Number(firstRow) + rows) * width);
}

/** Values as the tensor's type keeps them. Packed matrices are [out, in]; the file has them `turned` or not. */
function stored({ tensor }: ParameterSpec, values: Float32Array<ArrayBuffer>, turned: boolean) {
  const { dtype, shape } = tensor;
  if (isPacked(dtype)) return packBlocks(turned ? transpose(values, shape[1], shape[0]) : values, dtype);
  return dtype === 'f16' ? new Uint32Array(packF16(values)) : values;
}
