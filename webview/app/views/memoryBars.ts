import type { MemoryCategory } from '../../../src/common/run/events';
import { h, type Child } from '../dom';
import { formatBytes } from '../model/format';

export interface StackedBar {
  /** What stands beside the bar. */
  readonly label: Child;
  /** The same for screen readers. */
  readonly name: string;
  readonly total: number;
  readonly segments: readonly { readonly category: MemoryCategory; readonly label: string; readonly bytes: number }[];
}

export interface BarGroup {
  readonly label: string;
  readonly bars: readonly StackedBar[];
  /** Bytes, where a line is to be drawn. */
  readonly budget?: number;
}

/** Stacked bars of each place under its name, all to one scale: `scale` bytes are the full width. */
export function stackedBars(groups: readonly BarGroup[], scale: number): HTMLElement[] {
  return groups.flatMap(group => [
    ...(groups.length > 1 ? [h('h3', { class: 'bar-title' }, group.label)] : []),
    barGroup(group, scale),
  ]);
}

function barGroup({ bars, budget }: BarGroup, scale: number): HTMLElement {
  const line = h('div', { class: 'budget-line' }, h('span', {}, `budget ${formatBytes(budget ?? 0)}`));
  if (budget !== undefined) line.style.left = `${(budget / scale) * 100}%`;
  const labels = bars.map(({ label }) => h('span', {}, label));
  return h(
    'div',
    { class: budget === undefined ? 'bars' : 'bars has-budget' },
    h('div', { class: 'bar-labels', 'aria-hidden': 'true' }, ...labels),
    h('div', { class: 'bar-area' }, ...bars.map(bar => barOf(bar, scale)), budget !== undefined && line),
  );
}

function barOf({ name, total, segments }: StackedBar, scale: number): HTMLElement {
  const parts = segments
    .filter(({ bytes }) => bytes > 0)
    .map(({ category, label, bytes }) => {
      const title = `${label}: ${formatBytes(bytes)}`;
      const segment = h('i', { class: 'segment', 'data-category': category, title });
      segment.style.width = `${(bytes / scale) * 100}%`;
      return segment;
    });
  return h('div', { class: 'bar', role: 'img', 'aria-label': `${name}: ${formatBytes(total)}` }, ...parts);
}
