import type { AdaloraConfig } from '../../../src/common/config/schema';
import { problem } from '../../../src/common/errors';
import type { AdaloraAdapter, TripletTarget } from '../formats/adaloraAdapter';
import { isObject } from '../formats/jsonFields';
import type { ModelConfig } from '../model/config';
import { adaptable } from './alsoTrained';
import { selectTargets } from './targets';

/** A module with its triplets: A [rank, in], B [out, rank], E [rank, 1], named as in PEFT's files. */
export interface AdaloraModule extends TripletTarget {
  /** Triplets there are now; fewer than `init_r` where an adapter of lower rank is continued. */
  readonly rank: number;
  /** Place of its first triplet among those of all modules. */
  readonly first: number;
  readonly nameA: string;
  readonly nameB: string;
  readonly nameE: string;
}

/** What decides which tensors a run has; saved with checkpoints. */
export interface AdaloraStructure {
  /** Which of its `init_r` triplets each module has, by path, as a text of 1 and 0. */
  readonly triplets: Readonly<Record<string, string>>;
  /** Whether the choice of triplets is final and the running averages are gone. */
  readonly frozen: boolean;
}

/** The structure that a run starts with. Throws when an adapter to continue does not fit the config. */
export function startStructure(config: AdaloraConfig, model: ModelConfig, adapter?: AdaloraAdapter): AdaloraStructure {
  const paths = targetPaths(config, model);
  const whole = '1'.repeat(config.init_r);
  if (!adapter) return { frozen: false, triplets: Object.fromEntries(paths.map(path => [path, whole])) };
  checkContinues(config, adapter, paths);
  const bits = ({ kept }: TripletTarget) => kept.map(is => (is ? '1' : '0')).join('');
  return {
    frozen: false,
    triplets: Object.fromEntries(adapter.targets.map(target => [target.module.path, bits(target)])),
  };
}

/**
 * Reads what a checkpoint says of the structure; undefined where it says nothing.
 * @throws `checkpoint.method` when it does not fit the config.
 */
export function readStructure(state: unknown, config: AdaloraConfig, model: ModelConfig): AdaloraStructure | undefined {
  if (state === undefined) return undefined;
  const fits = isObject(state) && typeof state.frozen === 'boolean' && isObject(state.triplets);
  const triplets = fits ? (state.triplets as Readonly<Record<string, unknown>>) : {};
  const bits = new RegExp(`^[01]{${config.init_r}}$`);
  const whole = targetPaths(config, model).every(path => {
    const value = Object.hasOwn(triplets, path) ? triplets[path] : undefined;
    return typeof value === 'string' && bits.test(value);
  });
  if (fits && whole) return { frozen: state.frozen === true, triplets: triplets as Readonly<Record<string, string>> };
  throw problem(
    'checkpoint.method',
    'The checkpoint has other modules or another init_r than this config.',
    'Resume with the config of that run.',
  );
}

/** The modules of a structure, in execution order. */
export function modulesOf(config: AdaloraConfig, model: ModelConfig, structure: AdaloraStructure): AdaloraModule[] {
  let first = 0;
  return selectTargets(adaptable(model, config), targetOptions(config)).targets.map(({ module }) => {
    const kept = [...structure.triplets[module.path]].map(bit => bit === '1');
    const rank = kept.filter(Boolean).length;
    first += rank;
    const names = { nameA: `${module.path}.lora_A`, nameB: `${module.path}.lora_B`, nameE: `${module.path}.lora_E` };
    return { module, kept, rank, first: first - rank, ...names };
  });
}

function targetPaths(config: AdaloraConfig, model: ModelConfig): string[] {
  return selectTargets(adaptable(model, config), targetOptions(config)).targets.map(({ module }) => module.path);
}

/** AdaLoRA has one rank and one alpha for all modules. */
function targetOptions({ target_modules, exclude_modules, layers_to_transform, init_r, lora_alpha }: AdaloraConfig) {
  return { target_modules, exclude_modules, layers_to_transform, r: init_r, lora_alpha };
}

/** Refuses to continue with other modules or another scale: the run would silently start from a different function. */
function checkContinues(config: AdaloraConfig, adapter: AdaloraAdapter, paths: readonly string[]): void {
  const fail = (what: string, fix: string) => problem('adapter.differs', `The adapter ${what}.`, fix);
  for (const key of ['init_r', 'lora_alpha'] as const)
    if (adapter.config[key] !== config[key])
      throw fail(
        `was trained with ${key} ${adapter.config[key]}, the config has ${config[key]}`,
        `Set method.${key} to ${adapter.config[key]}.`,
      );
  const own = new Set(adapter.targets.map(({ module }) => module.path));
  const missing = paths.find(path => !own.delete(path));
  const fix = 'Set method.target_modules to what the adapter holds.';
  if (missing !== undefined) throw fail(`has nothing for ${missing}`, fix);
  const [left] = own;
  if (left !== undefined) throw fail(`also adapts ${left}, which the config does not`, fix);
}
