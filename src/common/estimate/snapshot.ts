import { baseAs, type BaseConfig } from '../comparison/variants';
import type { LintFacts } from '../config/facts';
import type { ParsedConfig } from '../config/parse';
import { keptChanges, methodKey } from './changes';
import { controlsOf } from './controls';
import { errorsOf, outcomeOf, type Outcome } from './outcome';
import { estimateVersion, type EstimateQuestion, type EstimateSnapshot, type Trouble } from './protocol';

/** A config as the host has it: its address, its file's name, what it says. */
export interface EstimatedConfig {
  readonly address: string;
  readonly fileName: string;
  readonly parsed: ParsedConfig;
}

/** Answers a page's question. Pure: `facts` hold the planner. Changes that the config does not know any more are left out. */
export function estimateSnapshot(
  { address, fileName, parsed }: EstimatedConfig,
  facts: LintFacts,
  { changes, scenarios }: Omit<EstimateQuestion, 'config'>,
): EstimateSnapshot {
  const { value } = parsed;
  const about = { version: estimateVersion, config: address, name: value?.name ?? fileName };
  if (value === undefined) return { ...about, blocked: 'config', troubles: errorsOf(parsed, facts) };
  if (facts.forecast === undefined) return { ...about, blocked: 'model', troubles: modelTroubles(facts, value.model) };
  const base = baseAs(parsed.text, value, facts);
  const { outcome: changed, controls } = plan(base, changes, facts);
  return {
    ...about,
    model: value.model,
    controls,
    asIs: plan(base, {}, facts).outcome,
    changed,
    scenarios: scenarios.map(one => plan(base, one, facts).outcome),
  };
}

/** The outcome of changes, and the controls that go with its method. */
function plan(base: BaseConfig, changes: EstimateQuestion['changes'], facts: LintFacts) {
  const type = changes[methodKey];
  const own = type === undefined ? base.config : outcomeOf(base, { [methodKey]: type }, facts).config;
  const controls = controlsOf(base.config, own);
  const { config: _, ...outcome } = outcomeOf(base, keptChanges(changes, controls), facts);
  return { outcome: outcome satisfies Outcome, controls };
}

function modelTroubles({ files = [] }: LintFacts, model: string): Trouble[] {
  const found = files.find(file => file.key === 'model')?.problem;
  const message = found?.message ?? `The model ${model} cannot be read.`;
  return [{ code: found?.code ?? 'model.unreadable', message, hint: found?.hint ?? '' }];
}
