import type { MemoryCategory, Timeline } from '../../../src/common/run/events';
import { LinkedSteps } from '../charts/cursor';
import { LinePlot } from '../charts/linePlot';
import type { Reading } from '../charts/overlay';
import type { LineModel } from '../charts/lineOptions';
import { toPng } from '../charts/paint';
import type { ColourName, ThemeSource } from '../charts/theme';
import { createGate, fill, h } from '../dom';
import { byteUnit, formatBytes, formatTick } from '../model/format';
import type { Point } from '../model/loss';
import { categoryLabel } from '../model/memory';
import { waitingMessage } from '../model/messages';
import { toSvg, type Picture } from '../model/picture';
import { timelineModel, timelineSubtitle, timelineSummary, timelineTable } from '../model/timeline';
import { timelinePicture } from '../model/timelinePicture';
import { describeOp, recomputed, tensorsAt, transfersAt } from '../model/timelineMarks';
import { toggled } from '../preferences';
import { iconButton } from '../toolkit';
import { Card } from './card';
import type { RunState, View, ViewContext } from './view';

const id = 'timeline';
const tableRows = 60;
/** Tensors named at the cursor. */
const named = 3;
/** Pixels within which the cursor is at an arrow. */
const arrowReach = 4;

/** Colours of the memory categories on a canvas; `styles/memory.css` gives the same ones to elements. */
const categoryColours: Readonly<Record<MemoryCategory, ColourName>> = {
  weights: 'grey',
  adapter: 'purple',
  gradients: 'red',
  optimizer: 'orange',
  activations: 'blue',
  workspace: 'green',
  kvCache: 'yellow',
  staging: 'teal',
  offloadedCpu: 'dim',
  offloadedDisk: 'dim',
};

/** Live GPU memory over the dispatches of one step, stacked by category, the peak marked and named. */
export function createTimelineView(context: ViewContext): View {
  return new TimelineView(context);
}

class TimelineView implements View {
  readonly element: HTMLElement;
  private readonly theme: ThemeSource;
  private readonly card: Card;
  private readonly plot: LinePlot;
  private readonly legend = h('div', { class: 'legend' });
  private readonly changed = createGate();
  private state?: RunState;
  private positions: readonly number[] = [];
  private unit = byteUnit(0);

  constructor({ actions, setPreferences, theme }: ViewContext) {
    this.theme = theme;
    this.plot = new LinePlot({
      id,
      label: 'Live memory by dispatch',
      theme,
      // Its axis counts dispatches, not steps, so its cursor is its own.
      cursor: new LinkedSteps(),
      format: value => `${formatTick(value)} ${this.unit.name}`,
      steps: () => this.positions,
      read: index => this.read(index),
      name: index => this.nameOf(index),
      onRedraw: () => this.draw(),
    });
    const png = (): void => {
      const picture = this.picture();
      if (picture) void toPng(picture).then(image => actions.saveImage('memory-timeline', image));
    };
    const svg = (): void => {
      const picture = this.picture();
      if (picture) actions.saveText('memory-timeline.svg', toSvg(picture));
    };
    const csv = (): void => {
      const timeline = this.state?.run.timeline;
      if (timeline) actions.saveTable('memory-timeline', timelineTable(timeline));
    };
    this.card = new Card({
      id,
      title: 'Memory within a step',
      exports: [
        iconButton({ label: 'Save as image…', icon: 'device-camera', onClick: png }),
        iconButton({ label: 'Save as SVG…', icon: 'file-media', onClick: svg }),
        iconButton({ label: 'Save as CSV…', icon: 'save-as', onClick: csv }),
      ],
      onTable: shown => setPreferences({ tables: toggled(this.state?.preferences.tables ?? [], id, shown) }),
    });
    this.card.body.append(this.plot.element, this.legend);
    this.element = this.card.element;
  }

  update(state: RunState): void {
    const { run, preferences } = state;
    this.state = state;
    if (!this.changed(run.manifest.id, run.timeline, run.transfers?.list, run.state, preferences.tables)) return;
    const { timeline } = run;
    this.card.setEmpty(timeline ? undefined : waitingMessage(run, 'step'));
    if (timeline === undefined) return;
    this.positions = timeline.points.map((_, i) => i);
    this.card.setSubtitle(timelineSubtitle(timeline));
    this.card.setSummary(timelineSummary(timeline));
    this.card.setTable(preferences.tables.includes(id), () => timelineTable(timeline, tableRows));
    this.draw();
  }

  dispose(): void {
    this.plot.dispose();
  }

  private picture(): Picture | undefined {
    const { timeline, manifest } = this.state?.run ?? {};
    if (timeline === undefined || manifest === undefined) return undefined;
    const { colours, fontFamily } = this.theme.current;
    const category = (one: MemoryCategory): string => colours[categoryColours[one]];
    return timelinePicture(timeline, manifest.name, { ...colours, fontFamily, category });
  }

  private draw(): void {
    const timeline = this.state?.run.timeline;
    if (timeline === undefined) return;
    const { indices, bands, phases } = timelineModel(timeline, this.plot.pixels);
    this.unit = byteUnit(timeline.peak.bytes);
    const floor = indices.map(() => 0);
    const model: LineModel = {
      series: bands.map(({ category, bytes }, band) => {
        bytes.forEach((value, i) => (floor[i] += value / this.unit.size));
        const points = stairs(indices, floor);
        return { id: category, colour: categoryColours[category], kind: 'area', points, first: band === 0 };
      }),
      range: { min: 0, max: Math.max(1, timeline.points.length - 1) },
      fromZero: true,
      marks: [
        ...phases.slice(1).map(({ from }) => ({ step: from })),
        { step: timeline.peak.index, label: peakLabel(timeline) },
      ],
      bands: recomputed(timeline),
      arrows: (timeline.transfers ?? []).map(({ index, direction }) => ({ step: index, direction })),
      ticks: phases.map(({ phase, from, to }) => ({ value: (from + to) / 2, label: phase })),
    };
    this.plot.draw(model);
    const entries = bands.map(({ category }) =>
      h('span', {}, h('i', { class: 'swatch', 'data-category': category }), categoryLabel(category)),
    );
    fill(this.legend, ...entries, ...markEntries(timeline));
  }

  private read(index: number): Reading[] {
    const timeline = this.state?.run.timeline;
    const point = timeline?.points[index];
    if (timeline === undefined || point === undefined) return [];
    const dynamic = { activations: point.activations, workspace: point.workspace };
    const bands = timelineModel(timeline, 1)
      .bands.toReversed()
      .map(({ category }) => {
        const live = category === 'activations' || category === 'workspace' ? dynamic[category] : 0;
        const bytes = live + (timeline.fixed[category] ?? 0);
        return { label: categoryLabel(category), colour: categoryColours[category], text: formatBytes(bytes) };
      });
    const reach = Math.floor((arrowReach * timeline.points.length) / this.plot.pixels);
    const moved = transfersAt(timeline, this.state?.run.transfers ?? {}, index, reach);
    const tensors = tensorsAt(timeline, index, named);
    return [...bands, ...moved, ...(tensors.length > 0 ? [{ label: 'Largest tensors', text: '' }, ...tensors] : [])];
  }

  private nameOf(index: number): string {
    const point = this.state?.run.timeline?.points[index];
    return point === undefined ? '' : `${describeOp(point.op)} · ${point.phase}`;
  }
}

/** `peak 41.3 MiB · mlp.down_proj`. */
function peakLabel({ points, peak }: Timeline): string {
  const op = points.at(peak.index)?.op;
  return [`peak ${formatBytes(peak.bytes)}`, ...(op === undefined ? [] : [describeOp(op)])].join(' · ');
}

/** What the shading and the arrows mean, where there are any. */
function markEntries(timeline: Timeline): HTMLElement[] {
  const directions = new Set(timeline.transfers?.map(({ direction }) => direction));
  const entry = (mark: HTMLElement, text: string): HTMLElement => h('span', {}, mark, text);
  return [
    ...(recomputed(timeline).length > 0 ? [entry(h('i', { class: 'mark mark-band' }), 'runs again')] : []),
    ...(directions.has('up') ? [entry(h('i', { class: 'mark mark-arrow up' }), 'to the GPU')] : []),
    ...(directions.has('down') ? [entry(h('i', { class: 'mark mark-arrow down' }), 'to the host')] : []),
  ];
}

/** A line that holds each value until the next position: memory changes at a dispatch, not between two. */
function stairs(positions: readonly number[], values: readonly number[]): Point[] {
  return positions.flatMap((x, i) => [...(i === 0 ? [] : [{ x, y: values[i - 1] }]), { x, y: values[i] }]);
}
