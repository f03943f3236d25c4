import { memoryCategories, type MemoryCategory } from '../run/events';
import { memoryLabels } from '../run/memoryLabels';
import type { ForecastFacts, LintFacts } from './facts';
import { peakText } from './peakText';
import { lintContext, mib } from './rule';
import type { ParsedConfig } from './parse';
import { stepTokens } from './savings/weigh';
import type { RunConfig } from './schema';
import { stepTime } from './stepTime';
import { verdictOf } from './verdict';

/**
 * Where the bytes of a run go, as a Markdown table: category, MiB and place, then the sum held against the budget, the op
 * at the peak, what travels each step and what it costs. The reason where the run cannot be planned; undefined where too
 * little is known to plan it.
 */
export function memoryTable(parsed: ParsedConfig, facts: LintFacts): string | undefined {
  const { value: config } = parsed;
  const plan = config && facts.forecast?.(config);
  if (config === undefined || plan === undefined) return undefined;
  if ('problem' in plan) return `**Memory:** ${plan.problem.message}`;
  const rows = memoryCategories.flatMap(category => {
    const bytes = plan.bytes[category] ?? 0;
    return bytes === 0 ? [] : [`| ${memoryLabels[category]} | ${mib(bytes)} | ${placeOf(category)} |`];
  });
  const table = ['| Memory | MiB | Where |', '| :-- | --: | :-- |', ...rows, totalRow(plan, config)];
  const known = { tokens: stepTokens(lintContext(config, parsed, facts)), rates: facts.rates };
  return [table.join('\n'), ...notes(plan, stepTime(config, plan, known))].join('\n\n');
}

function placeOf(category: MemoryCategory): string {
  if (category === 'offloadedCpu') return 'host';
  return category === 'offloadedDisk' ? 'disk' : 'GPU';
}

const verdicts = { fits: 'fits the budget', tight: 'fits barely', over: 'over the budget' } as const;

function totalRow(plan: ForecastFacts, { memory }: RunConfig): string {
  const verdict = verdictOf(plan, memory);
  if (verdict.kind === 'open' || verdict.kind === 'refused') return `| **total** | **${mib(plan.total)}** | GPU |`;
  return `| **total** | **${mib(plan.total)}** of ${memory.budget_mib} | GPU, ${verdicts[verdict.kind]} |`;
}

function notes(
  { peak, transfers }: ForecastFacts,
  { factor, complete }: { readonly factor: number; readonly complete: boolean },
): string[] {
  const { up, down } = transfers;
  const longer = Math.round(100 * (factor - 1));
  return [
    `Most is live in ${peakText(peak)}.`,
    ...(up + down > 0 ? [`Each step sends ${mib(up)} MiB to the GPU and ${mib(down)} MiB back.`] : []),
    ...(longer > 0
      ? [`A step takes about ${longer} % longer than with everything kept${complete ? '' : ', transfers aside'}.`]
      : []),
  ];
}
