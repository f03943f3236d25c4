import { fill, h, icon } from '../dom';
import type { AppState } from '../store';
import { button, progressRing } from '../toolkit';

/** What fills the page while there is no run to show: loading, nothing chosen, an old page, a host that does not answer. */
export function createStage(onRetry: () => void): { element: HTMLElement; update(state: AppState): void } {
  const element = h('div', { class: 'stage', role: 'status' });
  let shown = '';
  return {
    element,
    update: state => {
      const key = JSON.stringify([state.phase, state.failure]);
      if (key === shown) return;
      shown = key;
      fill(element, ...content(state, onRetry));
    },
  };
}

function content({ phase, failure }: AppState, onRetry: () => void): HTMLElement[] {
  switch (phase) {
    case 'loading':
      return [progressRing(), h('p', {}, 'Loading the run')];
    case 'outdated':
      return [
        icon('refresh'),
        h('h2', {}, 'This page is from another version of the extension'),
        h('p', {}, 'Close it and open the dashboard again.'),
      ];
    case 'unreachable':
      return [
        icon(failure?.code === 'run.none' ? 'graph-line' : 'debug-disconnect'),
        h('h2', {}, failure?.message ?? 'The extension does not answer'),
        h('p', {}, failure?.hint ?? ''),
        button({ label: 'Try again', primary: true, onClick: onRetry }),
      ];
    case 'ready':
      return [
        icon('graph-line'),
        h('h2', {}, 'No run on show'),
        h('p', {}, 'Choose a run in the Runs view, or open a config and press Run.'),
      ];
  }
}
