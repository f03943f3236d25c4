import type { EditOp, Fix } from '../edits';
import type { ForecastFacts } from '../facts';
import { mib, type LintContext } from '../rule';
import type { ConfigPath } from '../range';
import { savingsOf, type Saving } from './options';
import { effectText, weigh, type Weighed } from './weigh';

/** What makes a run fit. */
export interface Remedy {
  readonly path: ConfigPath;
  readonly fixes: readonly Fix[];
}

/** A saving that does not do alone is shown when it is at least this part of what the run needs. */
const notable = 0.03;

/**
 * The changes that make `fits` true, cheapest first, each titled with what it saves, which was planned and not guessed,
 * and what it costs. Where none does it alone: several at once, then the single ones that help. `path` is the key of the
 * first of them, or of the largest consumer that can be changed at all.
 */
export function remedies(context: LintContext, fits: (forecast: ForecastFacts) => boolean): Remedy {
  const all = savingsOf(context);
  const singles = all
    .flatMap(saving => weigh(context, [saving]) ?? [])
    .filter(({ saved }) => saved === undefined || saved > 0)
    .sort((a, b) => a.price - b.price);
  const enough = singles.filter(({ forecast }) => fits(forecast));
  if (enough.length > 0) {
    const fixes = enough.map((one, index) => ({ ...asFix(one), preferred: index === 0 }));
    return { path: fixes[0].edits[0].path, fixes };
  }
  const together = combine(context, singles, fits);
  const helpful = singles
    .filter(({ saved = 0, forecast }) => saved > notable * forecast.total)
    .map(one => asFix(one, `, still ${mib(one.forecast.total)} MiB`));
  const path = all[0]?.edits[0].path ?? ['model'];
  return { path, fixes: [...together.map(one => ({ ...asFix(one), preferred: true })), ...helpful] };
}

/** Takes savings on from the cheapest until the run fits, then gives back those that are not needed after all. */
function combine(
  context: LintContext,
  singles: readonly Weighed[],
  fits: (forecast: ForecastFacts) => boolean,
): Weighed[] {
  const taken = new Map<string, Saving>();
  const tried = () => weigh(context, inOrder(context, [...taken.values()]));
  let found: Weighed | undefined;
  for (const saving of singles.flatMap(({ savings }) => savings)) {
    if (saving.kind === 'method') continue;
    taken.set(saving.kind, saving);
    found = tried();
    if (found && fits(found.forecast)) break;
  }
  if (!found || !fits(found.forecast)) return [];
  for (const saving of [...taken.values()].reverse()) {
    taken.delete(saving.kind);
    const less = tried();
    if (less && fits(less.forecast)) found = less;
    else taken.set(saving.kind, saving);
  }
  return [found];
}

/** Savings in the order in which they are applied. */
function inOrder(context: LintContext, savings: readonly Saving[]): Saving[] {
  return savingsOf(context).filter(one => savings.some(({ title }) => title === one.title));
}

function asFix(weighed: Weighed, rest = ''): Fix {
  const { savings } = weighed;
  const title = savings.map(({ title }, index) => (index === 0 ? title : lowerFirst(title))).join(' and ');
  return { title: `${title}: ${effectText(weighed)}${rest}`, edits: editsOf(savings) };
}

/** All edits of several savings; of two to one key the later. */
export function editsOf(savings: readonly Saving[]): readonly EditOp[] {
  const edits = savings.flatMap(saving => saving.edits);
  return [...new Map(edits.map(edit => [edit.path.join('.'), edit])).values()];
}

export function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
