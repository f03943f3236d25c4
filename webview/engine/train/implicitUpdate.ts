import type { ImportanceTable } from '../../../src/common/run/events';
import type { Example } from '../data/examples';
import { cachedLogits } from '../generate/nextLogits';
import { promptOf } from '../generate/exactMatch';
import { moduleCatalog, type ModuleSpec } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import { roundedSource } from '../model/storage';
import { stepWords } from '../runtime/kernel';
import type { Engine } from './engine';
import type { FewShotRun } from './fewShotRun';
import type { PreparedRun } from './prepare';

/** Evaluation rows that the norms are a mean over. */
const mostQueries = 8;

/** One query's inputs to the first matrix of each MLP, [layers, d], without and with the shots before it. */
export interface MlpInputs {
  readonly without: Float32Array;
  readonly with: Float32Array;
}

/**
 * The teaching view of Dherin et al. (arXiv 2507.16003): at the last token of a prompt, a block with a context computes
 * what it would compute without, had the first matrix of its MLP the rank-1 update ΔW = (W·ΔA)·aᵀ/‖a‖², with `a` that
 * token's MLP input without the context and a + ΔA with it. The table has ‖ΔW‖_F = ‖W·ΔA‖/‖a‖ per matrix and block, a
 * mean over the first evaluation rows and the first draw. It holds for one token and one block, not for their chain.
 */
export async function implicitUpdate(engine: Engine, run: PreparedRun, fewShot: FewShotRun): Promise<ImportanceTable> {
  const step = new Uint32Array(stepWords);
  const observe = async (examples: readonly Example[]) => {
    const model = cachedLogits(engine, step);
    const found: Float32Array[] = [];
    for (const example of examples) {
      await model.after(queryOf(example));
      found.push(await engine.mlpInputs());
    }
    return found;
  };
  const shown = await observe(fewShot.draws[0].matched.slice(0, mostQueries));
  const bare = await observe(fewShot.bare.slice(0, mostQueries));
  const inputs = shown.map((values, index) => ({ with: values, without: bare[index] }));
  return updateTable(run, inputs);
}

/** The prompt; all but the last token of a row without one. */
function queryOf(example: Example): number[] {
  const { prompt } = promptOf(example);
  return prompt.length > 0 ? prompt : [...example.ids.subarray(0, Math.max(1, example.ids.length - 1))];
}

function updateTable(run: PreparedRun, inputs: readonly MlpInputs[]): ImportanceTable {
  const { model } = run;
  const weights = roundedSource(run.weights, model, run.programs.spec.storage);
  const leaves = model.family === 'gpt2' ? ['c_fc'] : ['gate_proj', 'up_proj'];
  const blocks = Array.from({ length: model.layers }, (_, block) => block);
  const values = leaves.map(leaf =>
    blocks.map(block => {
      const module = moduleCatalog(model).find(one => one.block === block && isFirst(one, leaf));
      if (!module) return null;
      const weight = weights.read(`${module.path}.weight`);
      const norms = inputs.map(input => implicitNorm(weight, module, blockInputs(input, block, model)));
      return norms.reduce((sum, norm) => sum + norm, 0) / norms.length;
    }),
  );
  return { metric: 'implicit_update', modules: leaves, blocks, values };
}

function isFirst({ path }: ModuleSpec, leaf: string): boolean {
  return path.endsWith(`.mlp.${leaf}`);
}

function blockInputs(input: MlpInputs, block: number, { hiddenSize }: ModelConfig): MlpInputs {
  const of = (values: Float32Array) => values.subarray(block * hiddenSize, (block + 1) * hiddenSize);
  return { with: of(input.with), without: of(input.without) };
}

/** ‖ΔW‖_F of one matrix for one query; 0 where the token's input is zero. */
export function implicitNorm(
  weight: Float32Array,
  { in: inner, out, layout }: Pick<ModuleSpec, 'in' | 'out' | 'layout'>,
  { with: shown, without }: MlpInputs,
): number {
  const [rowStep, columnStep] = layout === 'io' ? [1, out] : [inner, 1];
  let squares = 0;
  for (let row = 0; row < out; row++) {
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += weight[row * rowStep + k * columnStep] * (shown[k] - without[k]);
    squares += sum * sum;
  }
  const length = Math.sqrt(without.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? 0 : Math.sqrt(squares) / length;
}
