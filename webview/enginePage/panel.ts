import type { Problem } from '../../src/common/errors';
import type { EngineCommand, EngineLabels, EngineStatus } from '../../src/common/protocol';
import { memoryCategories, type AdapterInfo, type MemoryBytes } from '../../src/common/run/events';
import { element, icon } from './dom';

type Run = NonNullable<EngineStatus['run']>;
type Button = keyof EngineLabels['buttons'];

const icons: Readonly<Record<Button, string>> = {
  pause: 'debug-pause',
  resume: 'debug-continue',
  step: 'debug-step-over',
  stop: 'debug-stop',
};

/** Draws the whole view from one status; `press` is told about buttons. */
export function drawStatus(
  root: HTMLElement,
  status: EngineStatus,
  labels: EngineLabels,
  press: (command: EngineCommand) => void,
): void {
  const focused = document.activeElement?.getAttribute('data-command');
  root.replaceChildren(
    ...[
      drawAdapter(status.adapter, labels),
      status.problem && drawProblem(status.problem),
      status.run ? drawRun(status.run, labels, press) : status.adapter && element('p', 'quiet', labels.idle),
    ].filter(part => part !== undefined),
  );
  // Drawing replaces the buttons; the one that had the focus keeps it.
  if (focused) root.querySelector<HTMLElement>(`[data-command="${focused}"]`)?.focus();
}

function drawAdapter(adapter: AdapterInfo | undefined, labels: EngineLabels): HTMLElement {
  if (!adapter) return element('p', 'quiet', icon('loading codicon-modifier-spin'), ' ', labels.starting);
  const name = adapter.description || [adapter.vendor, adapter.architecture].filter(Boolean).join(' ') || 'WebGPU';
  const heading = element('h2', 'adapter', icon('chip'), ' ', name);
  const note = adapter.software ? element('p', 'note', icon('info'), ' ', labels.softwareAdapter) : undefined;
  return element('header', '', heading, note);
}

function drawProblem({ message, hint }: Problem): HTMLElement {
  const box = element('div', 'problem', element('p', '', icon('error'), ' ', message), element('p', 'quiet', hint));
  box.setAttribute('role', 'alert');
  return box;
}

function drawRun(run: Run, labels: EngineLabels, press: (command: EngineCommand) => void): HTMLElement {
  const progress = element('progress', '');
  progress.max = Math.max(1, run.totalSteps);
  if (run.totalSteps > 0) progress.value = run.step;
  const steps = labels.progress.replace('{0}', String(run.step)).replace('{1}', String(run.totalSteps));
  progress.setAttribute('aria-label', steps);
  return element(
    'section',
    '',
    element('h3', '', run.name, ' ', element('span', `state state-${run.state}`, labels.states[run.state])),
    progress,
    element('p', 'quiet', run.totalSteps > 0 ? [steps, run.detail].filter(Boolean).join(' · ') : run.detail),
    drawButtons(run, labels, press),
    run.problem && drawProblem(run.problem),
    run.memory && drawMemory(run.memory, labels),
  );
}

function drawButtons(run: Run, labels: EngineLabels, press: (command: EngineCommand) => void): HTMLElement {
  const shown: Button[] = run.state === 'paused' ? ['resume', 'step', 'stop'] : ['pause', 'stop'];
  const usable = run.state === 'running' || run.state === 'paused';
  const row = element('div', 'buttons');
  row.setAttribute('role', 'toolbar');
  for (const name of shown) {
    const button = element('button', name === 'stop' ? 'secondary' : '', icon(icons[name]), ' ', labels.buttons[name]);
    button.type = 'button';
    button.dataset.command = name;
    button.disabled = !usable && !(name === 'stop' && run.state === 'starting');
    button.addEventListener('click', () => press(name));
    row.append(button);
  }
  return row;
}

function drawMemory(memory: MemoryBytes, labels: EngineLabels): HTMLElement {
  const parts = memoryCategories
    .map(category => ({ category, bytes: memory[category] ?? 0 }))
    .filter(one => one.bytes > 0);
  const total = parts.reduce((sum, one) => sum + one.bytes, 0);
  const bar = element('div', 'bar');
  const legend = element('ul', 'legend');
  for (const { category, bytes } of parts) {
    const segment = element('span', 'segment');
    segment.dataset.category = category;
    segment.style.flexGrow = String(bytes / total);
    bar.append(segment);
    const swatch = element('span', 'swatch');
    swatch.dataset.category = category;
    legend.append(element('li', '', swatch, element('span', 'name', labels.categories[category]), mebibytes(bytes)));
  }
  bar.setAttribute('role', 'img');
  bar.setAttribute('aria-label', `${labels.memory}: ${mebibytes(total)}`);
  const heading = element('h3', '', labels.memory, ' ', element('span', 'quiet', mebibytes(total)));
  return element('section', 'memory', heading, bar, legend);
}

function mebibytes(bytes: number): string {
  const value = bytes / 2 ** 20;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} MiB`;
}
