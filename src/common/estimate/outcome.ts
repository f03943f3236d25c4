import type { BaseConfig } from '../comparison/variants';
import type { ForecastFacts, LintFacts } from '../config/facts';
import { diagnose, type Diagnosis } from '../config/lint';
import { lintContext } from '../config/rule';
import { stepTokens } from '../config/savings/weigh';
import { stepTime, type StepTime } from '../config/stepTime';
import { parseConfig, type ParsedConfig } from '../config/parse';
import type { RunConfig } from '../config/schema';
import type { Problem } from '../errors';
import { changedText, describeEdits, editsOf } from './changedText';
import type { Changes } from './changes';
import type { Trouble } from './protocol';

/** What a config would take. */
export interface Outcome {
  /** How it differs from the config as it is, each change in words. */
  readonly changes: readonly string[];
  /** Absent where it cannot be planned; `troubles` say why. */
  readonly estimate?: Estimate;
  /** Its `memory.budget_mib`, in bytes. */
  readonly budget?: number;
  /** Errors that the editor would mark in it, memory aside. */
  readonly troubles: readonly Trouble[];
}

/** The forecast in numbers that can be drawn. */
export interface Estimate extends Pick<
  ForecastFacts,
  'bytes' | 'total' | 'host' | 'disk' | 'transfers' | 'peak' | 'trainableParameters' | 'totalParameters'
> {
  /** How long a step takes, against the same one with everything kept on the GPU. */
  readonly time: StepTime;
}

/** Plans the base config with `changes`, with the same planner and the same checks that the editor has. */
export function outcomeOf(base: BaseConfig, changes: Changes, facts: LintFacts): Outcome & { config?: RunConfig } {
  const parsed = parseConfig(changedText(base, changes));
  const described = describeEdits(editsOf(base, changes));
  const troubles = errorsOf(parsed, facts);
  const { value: config } = parsed;
  if (config === undefined) return { changes: described, troubles };
  const mib = config.memory.budget_mib;
  const budget = mib === undefined ? undefined : mib * 2 ** 20;
  const plan = facts.forecast?.(config);
  if (plan === undefined) return { changes: described, budget, troubles, config };
  if ('problem' in plan) {
    // The planner refuses what a rule has named already, with less to go by.
    const refused = troubles.length > 0 ? troubles : [asTrouble(plan.problem)];
    return { changes: described, budget, troubles: refused, config };
  }
  const known = { tokens: stepTokens(lintContext(config, parsed, facts)), rates: facts.rates };
  return { changes: described, estimate: estimateOf(plan, stepTime(config, plan, known)), budget, troubles, config };
}

/** What can be drawn of a forecast. */
function estimateOf(facts: ForecastFacts, time: StepTime): Estimate {
  const { bytes, total, host, disk, transfers, peak, trainableParameters, totalParameters } = facts;
  return { bytes, total, host, disk, transfers, peak, time, trainableParameters, totalParameters };
}

/** Errors of a config. What does not fit is for the page to draw, so rules are not told the forecast. */
export function errorsOf(parsed: ParsedConfig, facts: LintFacts): Trouble[] {
  return diagnose(parsed, { ...facts, forecast: undefined })
    .filter(({ severity }) => severity === 'error')
    .map(diagnosis => toTrouble(diagnosis, parsed.text));
}

function toTrouble({ code, message, hint, range }: Diagnosis, text: string): Trouble {
  return { code, message, hint, line: text.slice(0, range.start).split('\n').length };
}

function asTrouble({ code, message, hint }: Problem): Trouble {
  return { code, message, hint };
}
