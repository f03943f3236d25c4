import type { RunState } from '../common/run/events';
import { isActive } from '../common/run/stateMachine';
import type { BrokenRun, RunEntry } from '../runs/store';

export type RunsNode =
  | { readonly kind: 'group'; readonly group: Group; readonly runs: readonly RunEntry[] }
  | { readonly kind: 'run'; readonly run: RunEntry }
  | { readonly kind: 'broken'; readonly broken: BrokenRun };

/** Order of the groups. */
const groups = ['active', 'interrupted', 'failed', 'completed', 'stopped'] as const;
export type Group = (typeof groups)[number];

/** The roots of the Runs view: runs by state, newest first; folders that are no runs come last. */
export function groupRuns(runs: readonly RunEntry[], broken: readonly BrokenRun[]): RunsNode[] {
  const nodes: RunsNode[] = [];
  for (const group of groups) {
    const members = runs.filter(run => groupOf(run.summary.state) === group);
    if (members.length > 0) nodes.push({ kind: 'group', group, runs: members });
  }
  return [...nodes, ...broken.map(one => ({ kind: 'broken', broken: one }) as const)];
}

/** What is below a node. */
export function childrenOf(node: RunsNode): RunsNode[] {
  return node.kind === 'group' ? node.runs.map(run => ({ kind: 'run', run })) : [];
}

function groupOf(state: RunState): Group {
  if (state === 'queued' || isActive(state)) return 'active';
  return state as Group;
}
