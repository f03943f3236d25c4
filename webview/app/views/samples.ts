import type { RunView } from '../../../src/common/run/view';
import { createGate, fill, h } from '../dom';
import { waitingMessage } from '../model/messages';
import { groupSamples, listedRows, samplingText, type Completion, type PromptSamples } from '../model/samples';
import { button } from '../toolkit';
import { Card } from './card';
import type { View } from './view';

const newest = 3;

/** What the model says to each prompt: before training, and at the latest evaluations. */
export function createSamplesView(): View {
  const card = new Card({ id: 'samples', title: 'Samples' });
  const changed = createGate();
  const expanded = new Set<string>();
  let shown: RunView | undefined;
  const draw = (): void => {
    if (shown === undefined) return;
    fill(card.body, ...groupSamples(shown).map(group => promptBlock(group, expanded.has(group.prompt), expand)));
  };
  const expand = (prompt: string): void => {
    expanded.add(prompt);
    draw();
  };
  return {
    element: card.element,
    update: ({ run }) => {
      if (!changed(run.manifest.id, run.samples, run.samples.length, run.state)) return;
      shown = run;
      const asked = run.manifest.config.samples.prompts.length > 0;
      const none = asked ? waitingMessage(run, 'evaluation') : 'This config asks for none: add prompts under samples.';
      card.setEmpty(run.samples.length === 0 ? none : undefined);
      card.setSubtitle(samplingText(run));
      draw();
    },
    dispose: () => undefined,
  };
}

function promptBlock(group: PromptSamples, all: boolean, onExpand: (prompt: string) => void): HTMLElement {
  const { prompt, base, trained } = group;
  const listed = all ? trained : trained.slice(0, listedRows(trained.length, newest));
  const hidden = trained.length - listed.length;
  const more = (): HTMLElement => button({ label: `Show ${hidden} more`, onClick: () => onExpand(prompt) });
  return h(
    'div',
    { class: 'prompt' },
    h('h3', {}, prompt),
    h(
      'dl',
      { class: 'completions' },
      ...(base === undefined ? [] : completion(base, 'base')),
      ...listed.flatMap((item, i) => completion(item, i === 0 ? 'latest' : 'earlier')),
    ),
    hidden > 0 && more(),
  );
}

function completion({ step, text, tokens }: Completion, age: 'base' | 'latest' | 'earlier'): HTMLElement[] {
  const label = age === 'base' ? 'before training' : `step ${step.toLocaleString('en-US')}`;
  const title = `${tokens} tokens`;
  return [
    h('dt', { class: age }, label),
    h('dd', { class: age, title }, text.trim() === '' ? h('em', {}, 'nothing but white space') : text.trim()),
  ];
}
