import { isMissing } from '../../../src/common/comparison/protocol';
import { isActive } from '../../../src/common/run/stateMachine';
import { createGate, fill, h, icon, setText } from '../dom';
import { button } from '../toolkit';
import type { CompareState } from './store';
import type { CompareContext, CompareView } from './view';

/** Name, question, how far the runs are, and what is left to do. */
export function createHeaderView({ actions }: CompareContext): CompareView {
  const title = h('h1', {});
  const question = h('p', { class: 'question' });
  const progress = h('p', { class: 'progress', role: 'status' });
  const tools = h('div', { class: 'actions' });
  const failure = h('p', { class: 'failure', role: 'alert', hidden: true });
  const words = h('div', { class: 'words' }, title, question, progress);
  const element = h('header', { class: 'compare-header' }, words, tools, failure);
  const changed = createGate();
  return {
    element,
    update: state => {
      const { snapshot } = state;
      if (snapshot === undefined) return;
      setText(title, snapshot.definition.name);
      setText(question, snapshot.definition.question);
      setText(progress, progressText(state));
      failure.hidden = state.failure === undefined;
      if (state.failure) fill(failure, icon('error'), ` ${state.failure.message} ${state.failure.hint}`);
      const missing = snapshot.variants.filter(isMissing).length;
      if (!changed(missing)) return;
      const label = missing === 1 ? 'Queue 1 run' : `Queue ${missing} runs`;
      fill(tools, missing > 0 && button({ label, icon: 'add', onClick: () => actions.queueMissing() }));
    },
    dispose: () => element.remove(),
  };
}

/** `4 of 9 runs done · 1 failed · running devil-adalora, step 40 of 200 · 3 queued`. */
export function progressText({ snapshot }: Pick<CompareState, 'snapshot'>): string {
  const variants = snapshot?.variants ?? [];
  const runs = variants.flatMap(({ run }) => (run === undefined ? [] : [run]));
  const count = (states: readonly string[]): number => runs.filter(run => states.includes(run.state)).length;
  const [failed, cut] = [count(['failed']), count(['interrupted'])];
  const queued = variants.filter(({ isQueued }) => isQueued).length;
  const live = runs.find(run => isActive(run.state));
  const at = live && live.totalSteps > 0 ? `, step ${live.step} of ${live.totalSteps}` : '';
  return [
    `${count(['completed', 'stopped'])} of ${variants.length} runs done`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(cut > 0 ? [`${cut} cut off`] : []),
    ...(live ? [`${live.state} ${live.config.name ?? live.id}${at}`] : []),
    ...(queued > 0 ? [`${queued} queued`] : []),
  ].join(' · ');
}
