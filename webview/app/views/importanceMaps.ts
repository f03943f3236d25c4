import type { Disposable } from '../../../src/common/lifecycle';
import type { TipContent } from '../charts/tip';
import { h, setStyle, setText } from '../dom';
import type { MapModel } from '../model/cells';
import type { Cell } from '../model/importance';
import { scaleEnds } from '../model/maps';
import type { Preferences } from '../preferences';
import { Segmented } from './controls';
import { Heatmap } from './heatmap';

export interface MapHandlers {
  readonly onSelect: (cell: Cell) => void;
  readonly describe: (map: MapModel, cell: Cell) => TipContent;
  readonly onRange: (range: Preferences['heatRange']) => void;
}

/** One heatmap or two side by side, with the colour scale and the key of the marks they share. */
export class ImportanceMaps implements Disposable {
  readonly element: HTMLElement;
  private readonly heatmaps: readonly Heatmap[];
  private readonly range: Segmented;
  private readonly scale = createScale();
  private readonly key = createKey();

  constructor(handlers: MapHandlers) {
    this.heatmaps = [new Heatmap(handlers), new Heatmap(handlers)];
    this.range = new Segmented('heat-range', 'Colour range', value =>
      handlers.onRange(value === 'run' ? 'run' : 'step'),
    );
    const maps = h('div', { class: 'heat-maps' }, ...this.heatmaps.map(heatmap => heatmap.element));
    const foot = h('div', { class: 'heat-foot' }, this.scale.element, this.key, this.range.element);
    this.element = h('div', { class: 'heat-main' }, maps, foot);
  }

  /** `range` is undefined where there is one step only, and so nothing to choose. */
  draw(maps: readonly MapModel[], selected: Cell | undefined, range: Preferences['heatRange'] | undefined): void {
    this.heatmaps.forEach((heatmap, i) => {
      const map = maps.at(i);
      heatmap.element.hidden = map === undefined;
      const caption = maps.length > 1 || map?.difference ? captionOf(map) : undefined;
      if (map !== undefined) heatmap.draw(map, selected, caption);
    });
    const [first] = maps;
    this.scale.update(scaleEnds(first), share => first.colour(share).background);
    this.key.hidden = first.fates === undefined;
    this.range.element.hidden = range === undefined || (first.difference ?? false);
    if (range !== undefined) this.range.set(rangeChoices, range);
  }

  dispose(): void {
    for (const heatmap of this.heatmaps) heatmap.dispose();
  }
}

function captionOf(map: MapModel | undefined): string | undefined {
  return map?.name.slice(map.name.lastIndexOf(', ') + 2);
}

const rangeChoices = [
  { value: 'step', label: 'this step', hint: 'Colours span the values on show' },
  { value: 'run', label: 'all steps', hint: 'Colours span the values of all steps, so that steps can be compared' },
];

interface Scale {
  readonly element: HTMLElement;
  update(ends: readonly string[], colour: (share: number) => string): void;
}

function createScale(): Scale {
  const low = h('span', {});
  const high = h('span', {});
  const bar = h('i', { class: 'heat-scale' });
  return {
    element: h('div', { class: 'heat-legend' }, low, bar, high),
    update: (ends, colour) => {
      setText(low, ends[0]);
      setText(high, ends[1]);
      const stops = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1].map(colour).join(', ');
      setStyle(bar, 'background', `linear-gradient(to right, ${stops})`);
    },
  };
}

function createKey(): HTMLElement {
  const entry = (kind: string, text: string): HTMLElement =>
    h('span', {}, h('i', { class: `heat-sample ${kind}`, 'aria-hidden': 'true' }), text);
  return h('div', { class: 'heat-key' }, entry('dropped', 'dropped'), entry('returned', 'kept again'));
}
