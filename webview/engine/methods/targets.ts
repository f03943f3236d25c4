import { problem } from '../../../src/common/errors';
import { patternLookup } from '../formats/patternLookup';
import { fullMatchRegex } from '../formats/pythonRegex';
import type { ModuleSpec } from '../model/catalog';
import { nearest } from './nearest';

/** Which modules get an adapter, with PEFT's names and meanings (`LoraConfig`). */
export interface TargetOptions {
  readonly target_modules: string | readonly string[];
  readonly exclude_modules?: string | readonly string[];
  readonly layers_to_transform?: number | readonly number[];
  readonly r: number;
  readonly lora_alpha: number;
  readonly rank_pattern?: Readonly<Record<string, number>>;
  readonly alpha_pattern?: Readonly<Record<string, number>>;
}

export interface Target {
  readonly module: ModuleSpec;
  readonly rank: number;
  readonly alpha: number;
}

export interface TargetSelection {
  /** In execution order. */
  readonly targets: readonly Target[];
  /** What the config names without effect: a wrong name here is silent in PEFT. */
  readonly unmatched: {
    readonly target_modules: readonly string[];
    readonly exclude_modules: readonly string[];
    readonly rank_pattern: readonly string[];
    readonly alpha_pattern: readonly string[];
  };
}

type Matcher = (path: string) => boolean;

/**
 * Selects modules by PEFT's rules (`tuners_utils.py`, `check_target_module_exists` and
 * `_maybe_include_all_linear_layers`): a list entry names a module or a suffix after a dot, a string is a regex over the
 * whole path, `all-linear` is every linear module but the output head; exclusions win; `layers_to_transform` narrows
 * suffix entries to block numbers but leaves entries that spell a whole path. Ranks and alphas follow `get_pattern_key`.
 *
 * Throws a problem when nothing matches, for block numbers the model does not have, for `layers_to_transform` beside
 * a string, and for regexes that do not compile.
 */
export function selectTargets(modules: readonly ModuleSpec[], options: TargetOptions): TargetSelection {
  const layers = layerNumbers(modules, options);
  const included = targetMatcher(modules, options.target_modules, layers);
  const excluded = exclusionMatcher(options.exclude_modules);
  const chosen = modules.filter(({ path }) => !excluded(path) && included(path));
  if (chosen.length === 0) throw nothingMatches(modules, options, included);
  const rankOf = patternLookup(options.rank_pattern ?? {}, 'method.rank_pattern');
  const alphaOf = patternLookup(options.alpha_pattern ?? {}, 'method.alpha_pattern');
  const targets = chosen.map(module => ({
    module,
    rank: rankOf.find(module.path) ?? options.r,
    alpha: alphaOf.find(module.path) ?? options.lora_alpha,
  }));
  const paths = modules.map(module => module.path);
  return {
    targets,
    unmatched: {
      target_modules: unusedNames(options.target_modules, paths),
      exclude_modules: unusedNames(options.exclude_modules ?? [], paths),
      rank_pattern: rankOf.unused(),
      alpha_pattern: alphaOf.unused(),
    },
  };
}

/** Whether `path` is the module `name` or ends with it after a dot. */
export function matchesName(path: string, name: string): boolean {
  return path === name || path.endsWith(`.${name}`);
}

export function isAllLinear(target: TargetOptions['target_modules']): boolean {
  return typeof target === 'string' && target.toLowerCase() === 'all-linear';
}

function targetMatcher(
  modules: readonly ModuleSpec[],
  target: TargetOptions['target_modules'],
  layers: ReadonlySet<number> | undefined,
): Matcher {
  if (isAllLinear(target)) {
    const paths = new Set(modules.filter(module => !module.isOutputHead).map(module => module.path));
    return path => paths.has(path);
  }
  if (typeof target === 'string') {
    const regex = fullMatchRegex(target, 'method.target_modules');
    return path => regex.test(path);
  }
  return path => target.includes(path) || (target.some(name => matchesName(path, name)) && inLayers(path, layers));
}

function exclusionMatcher(exclude: TargetOptions['exclude_modules']): Matcher {
  if (exclude === undefined || exclude.length === 0) return () => false;
  if (typeof exclude === 'string') {
    const regex = fullMatchRegex(exclude, 'method.exclude_modules');
    return path => regex.test(path);
  }
  return path => exclude.some(name => matchesName(path, name));
}

/** PEFT's default layer pattern: the first path part that is a number, with at least two parts before it. */
function inLayers(path: string, layers: ReadonlySet<number> | undefined): boolean {
  if (!layers) return true;
  const match = /^.*?\.[^.]*\.(\d+)\./.exec(path);
  return match !== null && layers.has(Number(match[1]));
}

/** An empty list means no restriction. */
function layerNumbers(modules: readonly ModuleSpec[], options: TargetOptions): ReadonlySet<number> | undefined {
  const { layers_to_transform: wanted, target_modules: target } = options;
  if (wanted === undefined) return undefined;
  if (typeof target === 'string')
    throw problem(
      'target.layers',
      `method.layers_to_transform cannot be used when method.target_modules is a string ("${target}").`,
      `List the modules instead, e.g. [${leaves(modules).join(', ')}].`,
    );
  const list = typeof wanted === 'number' ? [wanted] : wanted;
  const blocks = modules.reduce((most, module) => Math.max(most, (module.block ?? -1) + 1), 0);
  const beyond = list.find(layer => layer >= blocks || layer < 0);
  if (beyond !== undefined)
    throw problem(
      'target.layers',
      `method.layers_to_transform names block ${beyond}, but the model has blocks 0 to ${blocks - 1}.`,
      'Name only blocks the model has.',
    );
  return list.length === 0 ? undefined : new Set(list);
}

function unusedNames(names: string | readonly string[], paths: readonly string[]): string[] {
  if (typeof names === 'string') return [];
  return names.filter(name => !paths.some(path => matchesName(path, name)));
}

function leaves(modules: readonly ModuleSpec[]): string[] {
  return [...new Set(modules.filter(module => !module.isOutputHead).map(module => module.leaf))];
}

function nothingMatches(modules: readonly ModuleSpec[], options: TargetOptions, included: Matcher) {
  const { target_modules: target } = options;
  const shown = typeof target === 'string' ? `"${target}"` : `[${target.join(', ')}]`;
  if (modules.some(({ path }) => included(path)))
    return problem(
      'target.excluded',
      `method.exclude_modules leaves out everything that method.target_modules ${shown} selects.`,
      'Narrow method.exclude_modules.',
    );
  const names = leaves(modules);
  const guess = typeof target === 'string' ? undefined : nearest(target[0], names);
  return problem(
    'target.none',
    `method.target_modules ${shown} matches no module of this model.`,
    `${guess ? `Did you mean ${guess}? ` : ''}The model has ${names.join(', ')}; all-linear selects them all.`,
  );
}
