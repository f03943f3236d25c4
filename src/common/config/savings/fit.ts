import type { LintContext } from '../rule';
import { hasRoom } from '../verdict';
import { savingsOf, type Saving } from './options';
import { weigh, type Weighed } from './weigh';

/** The cheapest changes that bring a run into its budget, or how near it can come. */
export type Fit = { readonly found: Weighed } | { readonly nearest?: Weighed };

/**
 * Looks for the cheapest set of savings with which the run has room in its budget; the method stays what it is. Branches
 * over the kinds of savings, each used in one of its ways or not at all, and leaves a branch where even the most of
 * everything that is still open would not do, or where it costs more than what was found. Yields before each plan, so
 * that the caller can let others work.
 */
export function* searchFit(context: LintContext): Generator<undefined, Fit> {
  const all = savingsOf(context).filter(({ kind }) => kind !== 'method');
  const kinds = [...new Set(all.map(({ kind }) => kind))].map(kind => all.filter(saving => saving.kind === kind));
  yield undefined;
  const nearest = weigh(context, kinds.flatMap(most));
  const fits = (one: Weighed | undefined): one is Weighed =>
    one !== undefined && hasRoom(one.forecast, context.config.memory);
  if (!fits(nearest)) return { nearest };
  let best = nearest;
  const open: { readonly taken: readonly Saving[]; readonly depth: number }[] = [{ taken: [], depth: 0 }];
  for (let branch = open.pop(); branch; branch = open.pop()) {
    const { taken, depth } = branch;
    if (lossOf(taken) >= best.price) continue;
    yield undefined;
    if (!fits(weigh(context, [...taken, ...kinds.slice(depth).flatMap(most)]))) continue;
    yield undefined;
    const alone = weigh(context, taken);
    if (fits(alone)) {
      if (alone.price < best.price) best = alone;
      continue;
    }
    if (depth === kinds.length) continue;
    const ways = kinds[depth].map(saving => [...taken, saving]);
    // Looked at from the last on: not at all, then the least.
    open.push(...[...ways.reverse(), taken].map(next => ({ taken: next, depth: depth + 1 })));
  }
  return { found: best };
}

/** The last way of a kind saves most. */
function most(ways: readonly Saving[]): Saving[] {
  return ways.slice(-1);
}

function lossOf(savings: readonly Saving[]): number {
  return savings.reduce((sum, { loss }) => sum + loss, 0);
}
