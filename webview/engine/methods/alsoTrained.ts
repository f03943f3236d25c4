import type { LoraConfig } from '../../../src/common/config/schema';
import { problem } from '../../../src/common/errors';
import { moduleCatalog, tensorCatalog, type ModuleSpec, type TensorSpec } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import type { TensorValues } from './method';
import { nearest } from './nearest';

export type AlsoTrained = Partial<Pick<LoraConfig, 'modules_to_save' | 'bias'>>;

/**
 * Base tensors that train beside an adapter, in the order of the catalog, as PEFT chooses them
 * (`AuxiliaryTrainingWrapper` and `_mark_only_adapters_as_trainable`, `tuners_utils.py`): whole modules whose path ends
 * with a name of `modules_to_save`, and biases. `targets` are the paths of adapted modules, for `lora_only`.
 * @throws `method.modulesToSave` for a name that matches nothing, `method.tied` for a head that shares the embedding.
 */
export function alsoTrained(options: AlsoTrained, model: ModelConfig, targets: readonly string[]): TensorSpec[] {
  const { modules_to_save: names = [], bias = 'none' } = options;
  checkNames(names, model);
  return tensorCatalog(model).filter(
    ({ name }) => isSaved(pathOf(name), names) || (name.endsWith('bias') && trainsBias(bias, pathOf(name), targets)),
  );
}

/** Modules that may get an adapter: those that train as a whole get none, as in PEFT. */
export function adaptable(model: ModelConfig, { modules_to_save: names = [] }: AlsoTrained): ModuleSpec[] {
  return moduleCatalog(model).filter(({ path }) => !isSaved(path, names));
}

/**
 * Refuses to continue an adapter that was trained with other base tensors than the run will train.
 * @throws `adapter.differs` naming the first tensor that only one of them has.
 */
export function checkBase(base: TensorValues, trained: readonly TensorSpec[]): void {
  const names = trained.map(({ name }) => name);
  const only = names.find(name => !base.has(name));
  const extra = [...base.keys()].find(name => !names.includes(name));
  if (only === undefined && extra === undefined) return;
  const what =
    only === undefined
      ? `holds a trained ${extra}, which the config does not train`
      : `holds no ${only}, which the config trains`;
  throw problem('adapter.differs', `The adapter ${what}.`, 'Set method.modules_to_save and method.bias to match.');
}

/** Whether a module, or one that holds it, is trained as a whole. */
export function isSaved(path: string, names: readonly string[]): boolean {
  return ancestors(path).some(module => names.some(name => module.endsWith(name)));
}

/** Path of the module that a tensor belongs to. */
export function pathOf(tensor: string): string {
  return tensor.slice(0, tensor.lastIndexOf('.'));
}

function trainsBias(bias: LoraConfig['bias'], path: string, targets: readonly string[]): boolean {
  return bias === 'all' || (bias === 'lora_only' && targets.includes(path));
}

function ancestors(path: string): string[] {
  const parts = path.split('.');
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
}

function checkNames(names: readonly string[], model: ModelConfig): void {
  const paths = [...new Set(tensorCatalog(model).map(({ name }) => pathOf(name)))];
  for (const name of names) {
    if (model.tiedEmbeddings && 'lm_head'.endsWith(name))
      throw problem(
        'method.tied',
        `method.modules_to_save names ${name}, but the head of this model is its token embedding.`,
        `Name ${model.family === 'gpt2' ? 'wte' : 'embed_tokens'} instead: both then train as one weight.`,
      );
    if (paths.some(path => isSaved(path, [name]))) continue;
    const leaves = [...new Set(paths.map(path => path.slice(path.lastIndexOf('.') + 1)))];
    const guess = nearest(name, leaves);
    throw problem(
      'method.modulesToSave',
      `method.modules_to_save names ${name}, but no module of this model is called so.`,
      `${guess === undefined ? '' : `Did you mean ${guess}? `}The model has ${leaves.join(', ')}.`,
    );
  }
}
