import type { AppState } from './store';
import { formatMetric, formatRate, formatTick } from './model/format';
import { h } from './dom';
import { createBanners } from './views/banners';
import { createDrawsView } from './views/draws';
import { createFactsView } from './views/facts';
import { createHeader } from './views/header';
import { createImportanceView } from './views/importance';
import { createLossView } from './views/loss';
import { createMemoryView } from './views/memory';
import { createSamplesView } from './views/samples';
import { createStage } from './views/stage';
import { createTimelineView } from './views/timeline';
import { createTrendView, type TrendOptions } from './views/trend';
import type { View, ViewContext } from './views/view';

export interface PageHandlers {
  readonly onRetry: () => void;
  readonly onDismiss: () => void;
}

const trends: readonly TrendOptions[] = [
  { id: 'rate', title: 'Learning rate', column: 'learningRate', format: formatRate, tick: formatRate, fromZero: true },
  { id: 'norm', title: 'Gradient norm', column: 'gradNorm', format: formatMetric, tick: formatTick, fromZero: true },
];

/** The whole page: either a stage that says why there is no run, or the cards of the run. */
export function createPage(root: HTMLElement, context: ViewContext, handlers: PageHandlers): (state: AppState) => void {
  const stage = createStage(handlers.onRetry);
  root.append(stage.element);
  let views: readonly View[] = [];
  let content: HTMLElement | undefined;
  return state => {
    const run = state.runs[0];
    stage.update(state);
    stage.element.hidden = run !== undefined;
    if (run !== undefined && content === undefined) {
      const built = createContent(context, handlers);
      views = built.views;
      content = built.element;
      root.append(content);
    }
    if (content) content.hidden = run === undefined;
    if (run !== undefined) for (const view of views) view.update({ ...state, run });
  };
}

function createContent(context: ViewContext, { onDismiss }: PageHandlers): { element: HTMLElement; views: View[] } {
  const header = createHeader(context);
  const banners = createBanners(onDismiss);
  const loss = createLossView(context);
  const small = trends.map(trend => createTrendView(context, trend));
  const trained = h('div', { class: 'pair' }, ...small.map(view => view.element));
  const draws = createDrawsView(trained);
  const memory = createMemoryView(context);
  const facts = createFactsView();
  const wide = [createImportanceView(context), createTimelineView(context), createSamplesView()];
  const element = h(
    'main',
    { class: 'dashboard' },
    header.element,
    banners.element,
    h('div', { class: 'column' }, loss.element, trained, draws.element),
    h('div', { class: 'column side' }, memory.element, facts.element),
    ...wide.map(view => view.element),
  );
  return { element, views: [header, banners, loss, ...small, draws, memory, facts, ...wide] };
}
