import type { ParameterSpec } from '../graph/builder';
import { codeTables, codeTablesName } from '../formats/codebook';
import { packF16 } from '../formats/half';
import { elements, isPacked } from '../graph/tensor';
import { tensorCatalog, type TensorSpec } from '../model/catalog';
import { rotaryTables } from '../model/rotaryTables';
import { rowsOf } from '../model/source';
import { packedValues } from '../model/storage';
import type { Words } from '../runtime/hostMemory';
import type { Engine } from './engine';
import type { PreparedRun } from './prepare';

/** What {@link loadParameters} needs of a run. */
export type Loadable = Pick<PreparedRun, 'model' | 'method' | 'weights' | 'programs'>;

/** Uploads the start values of an adapter. */
export function loadAdapter(engine: Engine, { method, programs }: Pick<Loadable, 'method' | 'programs'>): void {
  for (const spec of programs.table.parameters)
    if (spec.category === 'adapter') engine.upload(spec.tensor, method.initialValue(spec));
}

/** Uploads every parameter of a run, piece by piece: base weights, rotary tables, the start values of the adapter. */
export async function loadParameters(engine: Engine, run: Loadable): Promise<void> {
  const specs = new Map(tensorCatalog(run.model).map(spec => [spec.name, spec]));
  const computed = computedTables(run);
  let waiting = 0;
  for (const spec of run.programs.table.parameters) {
    const { name } = spec.tensor;
    const whole = computed.get(name) ?? (spec.category === 'adapter' ? run.method.initialValue(spec) : undefined);
    for (const { data, at } of whole ? [{ data: whole, at: 0 }] : basePieces(run, spec, specs.get(name))) {
      engine.upload(spec.tensor, data, at);
      waiting += data.byteLength;
      if (waiting < mostWaiting) continue;
      await engine.idle();
      waiting = 0;
    }
  }
}

/** Parameters that no file holds. */
function computedTables({ model, programs }: Loadable): Map<string, Float32Array<ArrayBuffer>> {
  const rotary = rotaryTables(programs.spec.longest, model.headDim, model.ropeTheta);
  return new Map([
    ['rope.cos', rotary.cos],
    ['rope.sin', rotary.sin],
    [codeTablesName, new Float32Array(codeTables)],
  ]);
}

/** Words of a tensor from word `at` on. */
interface Piece {
  readonly data: Words | Float32Array<ArrayBuffer>;
  readonly at: number;
}

/** Values read and converted at once; what a matrix in blocks takes is read as a whole, for its scales belong together. */
const pieceValues = 2 ** 20;
/** The queue holds a copy of whatever is written to it, in bytes, until it has been idle. */
const mostWaiting = 2 ** 25;

/** A base tensor as its type keeps it, or the rows of it that a part `NAME#FIRST_ROW` holds. */
function* basePieces(run: Loadable, { tensor }: ParameterSpec, spec: TensorSpec | undefined): Generator<Piece> {
  const { dtype, shape } = tensor;
  const [name, firstRow = '0'] = tensor.name.split('#');
  const width = elements(shape) / shape[0];
  const own = run.method.startValue?.(name);
  if (isPacked(dtype) && spec) {
    yield { data: packedValues(own ?? run.weights.read(name), spec, dtype), at: 0 };
    return;
  }
  // An even number of rows, so that a piece of halves begins with a word.
  const step = 2 * Math.max(1, Math.floor(pieceValues / width / 2));
  for (let row = 0; row < shape[0]; row += step) {
    const rows = { first: Number(firstRow) + row, count: Math.min(step, shape[0] - row) };
    const values = own ? rowsOf(own, rows, width) : run.weights.read(name, rows);
    if (dtype === 'f16') yield { data: packF16(values), at: (row * width) / 2 };
    else yield { data: values, at: row * width };
  }
}
