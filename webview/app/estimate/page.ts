import { fill, h, icon } from '../dom';
import { button, progressRing } from '../toolkit';
import { createBarsView, troubleList } from './barsView';
import { createControlsView } from './controlsView';
import { createHeaderView } from './headerView';
import { numbersOf, type EstimateState } from './store';
import type { EstimateContext, EstimateView } from './view';

/** The whole page: a stage that says why there are no numbers, or the toggles beside the bars. */
export function createEstimatePage(
  root: HTMLElement,
  context: EstimateContext,
  onRetry: () => void,
): (state: EstimateState) => void {
  const stage = h('section', { class: 'stage' });
  const parts: readonly EstimateView[] = [
    createHeaderView(context),
    createControlsView(context),
    createBarsView(context),
  ];
  const main = h('main', { class: 'dashboard estimate-page' }, ...parts.map(part => part.element));
  root.append(stage, main);
  let shown = '';
  return state => {
    const numbers = numbersOf(state);
    const { snapshot, phase, failure } = state;
    stage.hidden = numbers !== undefined;
    main.hidden = numbers === undefined;
    if (numbers !== undefined) {
      for (const part of parts) part.update({ ...state, numbers, name: snapshot?.name ?? '' });
      shown = '';
      return;
    }
    const key = JSON.stringify([phase, failure, snapshot]);
    if (key !== shown) fill(stage, ...stageContent(state, context, onRetry));
    shown = key;
  };
}

function stageContent(
  { phase, failure, snapshot }: EstimateState,
  { actions }: EstimateContext,
  onRetry: () => void,
): HTMLElement[] {
  if (snapshot?.blocked !== undefined) {
    const { blocked, name, troubles } = snapshot;
    const title = blocked === 'config' ? `${name} has errors` : `The model of ${name} cannot be read`;
    const then =
      blocked === 'config'
        ? 'Its memory is estimated as soon as they are repaired.'
        : 'Its sizes decide the memory. Correct the key model, or put its folder there.';
    const open = button({ label: 'Open Config', icon: 'go-to-file', onClick: () => actions.openConfig() });
    const list = troubleList(troubles, line => actions.openConfig(line));
    return [icon('warning'), h('h2', {}, title), h('p', {}, then), list, open];
  }
  if (phase === 'loading') return [progressRing(), h('p', {}, 'Planning the run.')];
  if (phase === 'outdated') {
    const advice = 'Close it and estimate the memory again.';
    return [icon('refresh'), h('h2', {}, 'This page is from another version.'), h('p', {}, advice)];
  }
  const retry = button({ label: 'Try Again', icon: 'refresh', onClick: onRetry });
  const title = failure?.message ?? 'The memory cannot be estimated.';
  return [icon('warning'), h('h2', {}, title), h('p', {}, failure?.hint ?? ''), retry];
}
