import type { RunView } from '../../../src/common/run/view';
import { timeLeft } from '../../../src/common/run/fold';
import { createGate, fill, h, setStyle, setText } from '../dom';
import { formatDuration, formatMetric, formatPercent, formatSpeed } from '../model/format';
import { perplexityOf } from '../model/loss';
import { buttonsOf, describeConfig, describeDifferences, progressOf, toneOf, type RunButton } from '../model/run';
import { button, iconButton } from '../toolkit';
import type { RunState, View, ViewContext } from './view';

/** Name, what differs, state, progress and the buttons that the state allows. */
export function createHeader({ actions }: ViewContext): View {
  const title = h('h1', {});
  const note = h('p', { class: 'note' });
  const pill = h('span', { class: 'pill', role: 'status' });
  const facts = createFacts();
  const buttons = h('div', { class: 'buttons' });
  const progress = createProgress();
  const titles = h('div', { class: 'titles' }, h('div', { class: 'name' }, title, pill), note);
  const element = h('header', { class: 'run-header' }, titles, facts.element, buttons, progress.element);
  const changed = createGate();
  const buttonsChanged = createGate();
  const press = ({ does }: RunButton): void =>
    'command' in does ? actions.command(does.command) : actions.invoke(does.action);
  const secondary = secondaryButtons(actions);
  return {
    element,
    update: state => {
      const { run } = state;
      if (!changed(run.manifest.id, run.seq, state.runs)) return;
      setText(title, run.manifest.name);
      setText(note, describe(state));
      note.title = note.textContent ?? '';
      setText(pill, run.state);
      pill.dataset.tone = toneOf(run.state);
      facts.update(run);
      progress.update(run);
      const list = buttonsOf(run);
      if (buttonsChanged(JSON.stringify(list))) {
        fill(buttons, ...list.map(item => button({ ...item, onClick: () => press(item) })), secondary);
      }
    },
    dispose: () => element.remove(),
  };
}

function describe({ run, runs }: RunState): string {
  const config = run.manifest.config;
  const other = runs[1];
  if (other === undefined) return describeConfig(config);
  if (runs.length > 2) return `${describeConfig(config)} · beside ${runs.length - 1} other runs`;
  const differences = describeDifferences(config, other.manifest.config);
  if (differences.length === 0) return `same config as ${other.manifest.name}`;
  return `${differences.join(', ')} · against ${other.manifest.name}`;
}

function secondaryButtons(actions: ViewContext['actions']): HTMLElement {
  return h(
    'div',
    { class: 'secondary' },
    iconButton({ label: 'Open config', icon: 'go-to-file', onClick: () => actions.invoke('openConfig') }),
    iconButton({ label: 'Reveal run folder', icon: 'folder-opened', onClick: () => actions.invoke('revealFolder') }),
    iconButton({ label: 'Show output', icon: 'output', onClick: () => actions.invoke('showOutput') }),
    iconButton({ label: 'Delete run…', icon: 'trash', onClick: () => actions.invoke('delete') }),
  );
}

interface Part {
  readonly element: HTMLElement;
  update(run: RunView): void;
}

function createFacts(): Part {
  const element = h('dl', { class: 'facts' });
  const fact = (label: string): { item: HTMLElement; value: HTMLElement; unit: HTMLElement } => {
    const value = h('b', {});
    const unit = h('span', {});
    const item = h('div', {}, h('dt', {}, label), h('dd', {}, value, unit));
    element.append(item);
    return { item, value, unit };
  };
  const step = fact('step');
  const loss = fact('loss');
  const evaluation = fact('eval');
  const perplexity = fact('perplexity');
  const matched = fact('exact match');
  const speed = fact('tok/s');
  const left = fact('ETA');
  return {
    element,
    update: run => {
      setText(step.value, run.step.toLocaleString('en-US'));
      setText(step.unit, run.totalSteps > 0 ? ` / ${run.totalSteps.toLocaleString('en-US')}` : '');
      show(loss, run.metrics.loss.at(-1), formatMetric);
      const evaluated = run.evaluations.loss.at(-1);
      show(evaluation, evaluated, formatMetric);
      show(perplexity, evaluated === undefined ? undefined : perplexityOf(evaluated), formatMetric);
      show(matched, run.evaluations.exactMatch.at(-1) ?? undefined, formatPercent);
      show(speed, run.metrics.tokensPerSecond.at(-1), formatSpeed);
      show(left, timeLeft(run), formatDuration);
    },
  };
}

function show(
  { item, value }: { item: HTMLElement; value: HTMLElement },
  number: number | undefined,
  format: (value: number) => string,
): void {
  item.hidden = number === undefined;
  if (number !== undefined) setText(value, format(number));
}

function createProgress(): Part {
  const bar = h('i', {});
  const element = h(
    'div',
    { class: 'progress', role: 'progressbar', 'aria-label': 'Steps done', 'aria-valuemin': 0, 'aria-valuemax': 100 },
    bar,
  );
  return {
    element,
    update: run => {
      const percent = Math.round(progressOf(run) * 1000) / 10;
      element.setAttribute('aria-valuenow', String(Math.round(percent)));
      element.dataset.tone = toneOf(run.state);
      element.classList.toggle('busy', run.state === 'starting');
      setStyle(bar, 'width', `${percent}%`);
    },
  };
}
