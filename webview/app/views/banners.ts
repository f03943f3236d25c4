import { createGate, fill, h, icon } from '../dom';
import { stateMessage, type Message } from '../model/messages';
import { iconButton } from '../toolkit';
import type { AppState } from '../store';
import type { View } from './view';

const icons: Readonly<Record<Message['tone'], string>> = {
  neutral: 'info',
  info: 'info',
  good: 'pass',
  warning: 'warning',
  error: 'error',
};

/** What went wrong and what to do next: failed requests, the run's problem, its warnings. */
export function createBanners(onDismiss: () => void): View {
  const element = h('div', { class: 'banners' });
  const changed = createGate();
  return {
    element,
    update: ({ run, failure }) => {
      if (!changed(run.manifest.id, run.seq, failure)) return;
      const message = stateMessage(run);
      fill(
        element,
        failure !== undefined && failureBanner(failure, onDismiss),
        message !== undefined && banner(message),
        run.warnings.length > 0 && warnings(run.warnings),
      );
    },
    dispose: () => element.remove(),
  };
}

function banner({ tone, title, detail }: Message, ...controls: HTMLElement[]): HTMLElement {
  return h(
    'div',
    { class: 'banner', 'data-tone': tone, role: tone === 'error' ? 'alert' : 'status' },
    icon(icons[tone]),
    h('div', { class: 'banner-text' }, h('strong', {}, title), detail !== '' && h('span', {}, detail)),
    ...controls,
  );
}

function failureBanner(failure: NonNullable<AppState['failure']>, onDismiss: () => void): HTMLElement {
  const dismiss = iconButton({ label: 'Dismiss', icon: 'close', onClick: onDismiss });
  return banner({ tone: 'error', title: failure.message, detail: failure.hint }, dismiss);
}

function warnings(list: readonly { message: string; hint: string }[]): HTMLElement {
  const items = list.map(({ message, hint }) => h('li', {}, h('strong', {}, message), ' ', h('span', {}, hint)));
  if (list.length === 1) return banner({ tone: 'warning', title: list[0].message, detail: list[0].hint });
  return h(
    'details',
    { class: 'banner', 'data-tone': 'warning' },
    h('summary', {}, icon('warning'), h('strong', {}, `${list.length} warnings`), icon('chevron-down')),
    h('ul', {}, ...items),
  );
}
