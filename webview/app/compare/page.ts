import { byteUnit, formatBytes, formatDuration } from '../model/format';
import { button, progressRing } from '../toolkit';
import { fill, h, icon } from '../dom';
import { createCautionsView } from './cautionsView';
import { createCurvesView } from './curvesView';
import { createHeaderView } from './headerView';
import type { CompareState } from './store';
import { createSweepView } from './sweepView';
import { createTableView } from './tableView';
import { createTradeoffView, type Unit } from './tradeoffView';
import type { CompareContext, CompareView } from './view';

/** The whole page: a stage that says why there is no comparison, or its parts. */
export function createComparePage(
  root: HTMLElement,
  context: CompareContext,
  onRetry: () => void,
): (state: CompareState) => void {
  const stage = h('section', { class: 'stage' });
  root.append(stage);
  let parts: readonly CompareView[] | undefined;
  let main: HTMLElement | undefined;
  let shown = '';
  return state => {
    const isReady = state.snapshot !== undefined;
    stage.hidden = isReady;
    const key = `${state.phase} ${state.failure?.message ?? ''}`;
    if (!isReady && key !== shown) fillStage(stage, state, onRetry);
    shown = key;
    if (isReady && parts === undefined) {
      parts = createParts(context);
      main = h('main', { class: 'dashboard comparison' }, ...parts.map(part => part.element));
      root.append(main);
    }
    if (main) main.hidden = !isReady;
    if (isReady) for (const part of parts ?? []) part.update(state);
  };
}

function createParts(context: CompareContext): CompareView[] {
  const memory = createTradeoffView(context, {
    id: 'memory-tradeoff',
    title: 'Quality against memory',
    cost: 'memory',
    costTitle: 'peak GPU memory',
    format: formatBytes,
    unitOf: byteUnit,
  });
  const time = createTradeoffView(context, {
    id: 'time-tradeoff',
    title: 'Quality against time',
    cost: 'time',
    costTitle: 'training time',
    format: formatDuration,
    unitOf: timeUnit,
  });
  return [
    createHeaderView(context),
    createSweepView(context),
    memory,
    time,
    createTableView(context),
    createCurvesView(context),
    createCautionsView(),
  ];
}

/** Seconds up to ten minutes, minutes up to five hours. */
function timeUnit(milliseconds: number): Unit {
  if (milliseconds < 600_000) return { name: 's', size: 1000 };
  return milliseconds < 18_000_000 ? { name: 'min', size: 60_000 } : { name: 'h', size: 3_600_000 };
}

function fillStage(stage: HTMLElement, { phase, failure }: CompareState, onRetry: () => void): void {
  const retry = button({ label: 'Try Again', icon: 'refresh', onClick: onRetry });
  if (phase === 'loading') fill(stage, progressRing(), h('p', {}, 'Reading the runs of this comparison.'));
  else if (phase === 'outdated') {
    fill(
      stage,
      icon('refresh'),
      h('h2', {}, 'This page is from another version.'),
      h('p', {}, 'Close it and open the comparison again.'),
    );
  } else {
    const title = failure?.message ?? 'The comparison cannot be shown.';
    fill(stage, icon('warning'), h('h2', {}, title), h('p', {}, failure?.hint ?? ''), retry);
  }
}
