import { Chart, type Plugin } from 'chart.js';
import type { Disposable } from '../../../src/common/lifecycle';
import { DisposableStore } from '../../../src/common/lifecycle';
import { h } from '../dom';
import { nearestStep, type Point, type Range } from '../model/loss';
import { chartImage } from './chartImage';
import type { LinkedSteps } from './cursor';
import { cursorKey } from './keys';
import { drawLanes, lanesHeight, type Lanes } from './lanes';
import { lineOptions, plainTop, styleOf, valueAxis, type LineDataset, type LineModel, type Mark } from './lineOptions';
import { drawCursor, drawMarkLabels, drawMarks, type Reading } from './overlay';
import type { ThemeSource } from './theme';
import { Tip } from './tip';

export interface LinePlotOptions {
  readonly id: string;
  /** Accessible name of the plot. */
  readonly label: string;
  readonly theme: ThemeSource;
  readonly cursor: LinkedSteps;
  readonly zoomable?: boolean;
  readonly format: (value: number) => string;
  /** Steps the cursor may rest on, ascending. */
  readonly steps: () => readonly number[];
  /** What the chart shows at a step. */
  readonly read: (step: number) => readonly Reading[];
  /** What a position is called; `step 96` by default. */
  readonly name?: (step: number) => string;
  /** A recorded step was chosen, by a click or with Enter. */
  readonly onPick?: (step: number) => void;
  /** Asked for a redraw at another width, zoom or theme. */
  readonly onRedraw: () => void;
}

/** A line chart over steps with a cursor that is shared by pointer, keyboard and the other charts. */
export class LinePlot implements Disposable {
  readonly element: HTMLElement;
  private readonly chart: Chart<'line', Point[]>;
  private readonly tip = new Tip();
  private readonly owned = new DisposableStore();
  private full: Range = { min: 0, max: 1 };
  private logarithmic = false;
  private ticks: LineModel['ticks'];
  private marks: readonly Mark[] = [];
  private lanes: Lanes = { bands: [], arrows: [] };

  constructor(private readonly options: LinePlotOptions) {
    const canvas = h('canvas', { 'aria-hidden': 'true' });
    this.element = h(
      'div',
      { class: 'plot', role: 'slider', tabindex: 0, 'aria-label': options.label, 'aria-orientation': 'horizontal' },
      canvas,
      this.tip.element,
    );
    this.chart = new Chart<'line', Point[]>(canvas, {
      type: 'line',
      data: { datasets: [] },
      options: this.chartOptions(),
      plugins: [this.overlay()],
    });
    this.chart.options.onResize = () => options.onRedraw();
    this.listen(canvas);
    this.owned.add(options.theme.onDidChange(() => this.retheme()));
    this.owned.add(options.cursor.onDidMove(() => this.showCursor()));
    this.owned.add(options.cursor.onDidZoom(() => options.onRedraw()));
  }

  /** Pixels across the chart; what decimation aims at. */
  get pixels(): number {
    return Math.max(64, this.chart.width || this.element.clientWidth);
  }

  /** Steps on show: the zoomed stretch, or `full`. */
  visible(full: Range): Range {
    return this.options.cursor.window ?? full;
  }

  get zoomed(): boolean {
    return this.options.cursor.window !== undefined;
  }

  resetZoom(): void {
    this.options.cursor.zoom(undefined);
  }

  /** Draws a model; datasets are reused by id, so nothing is rebuilt while a run streams in. */
  draw(model: LineModel): void {
    const { chart } = this;
    // Out of sight; the chart reports its size, and thereby asks for a redraw, once it has one.
    if (chart.width === 0) return;
    const theme = this.options.theme.current;
    const known = new Map(chart.data.datasets.map(dataset => [dataset.label, dataset]));
    chart.data.datasets = model.series.map(series => {
      const dataset: LineDataset = known.get(series.id) ?? { label: series.id, data: [] };
      return Object.assign(dataset, styleOf(series, theme), { data: series.points });
    });
    this.setAxes(model);
    this.marks = model.marks ?? [];
    this.lanes = { bands: model.bands ?? [], arrows: model.arrows ?? [] };
    Object.assign(chart.options.layout ?? {}, { padding: { top: plainTop + lanesHeight(this.lanes), right: 6 } });
    chart.update('none');
    this.describeCursor();
    this.placeTip();
  }

  /** The chart as it is on screen, on an opaque background. */
  toImage(): Promise<Blob | undefined> {
    return chartImage(this.chart.canvas, this.options.theme.current.colours.card);
  }

  dispose(): void {
    this.owned.dispose();
    this.chart.destroy();
  }

  private chartOptions(): ReturnType<typeof lineOptions> {
    const { theme, zoomable = false, format } = this.options;
    return lineOptions(theme.current, { zoomable, format, onWindow: () => this.readWindow(), ticks: () => this.ticks });
  }

  private setAxes(model: LineModel): void {
    const { scales, plugins } = this.chart.options;
    if (scales?.x === undefined) return;
    this.full = model.range;
    this.ticks = model.ticks;
    Object.assign(scales.x, this.visible(model.range));
    const limits = plugins?.zoom?.limits?.x;
    if (limits) Object.assign(limits, model.range);
    const logarithmic = model.logarithmic ?? false;
    if (logarithmic !== this.logarithmic) {
      this.logarithmic = logarithmic;
      scales.y = valueAxis(this.options.theme.current, this.options.format, logarithmic);
    }
    Object.assign(scales.y ?? {}, { beginAtZero: model.fromZero ?? false });
  }

  private readWindow(): void {
    const { min, max } = this.chart.scales.x;
    const { full } = this;
    const whole = max - min >= (full.max - full.min) * 0.999;
    this.options.cursor.zoom(whole ? undefined : { min: Math.floor(min), max: Math.ceil(max) });
  }

  private retheme(): void {
    this.chart.options = { ...this.chartOptions(), onResize: () => this.options.onRedraw() };
    // New options take effect with an update, and what is set on them before it is lost; points keep the look they were
    // born with, so the datasets start over.
    this.chart.data.datasets = [];
    this.chart.update('none');
    this.logarithmic = false;
    this.options.onRedraw();
  }

  private listen(canvas: HTMLCanvasElement): void {
    const { cursor, id, steps } = this.options;
    canvas.addEventListener('pointermove', event => {
      if (!this.hasAxes) return;
      const step = nearestStep(steps(), this.chart.scales.x.getValueForPixel(event.offsetX) ?? 0);
      cursor.move(step === undefined ? undefined : { step, source: id });
    });
    canvas.addEventListener('pointerleave', () => cursor.move(undefined));
    canvas.addEventListener('dblclick', () => this.resetZoom());
    canvas.addEventListener('click', () => this.pick());
    this.element.addEventListener('blur', () => cursor.move(undefined));
    this.element.addEventListener('keydown', event => this.press(event));
  }

  private press(event: KeyboardEvent): void {
    const { cursor, id, steps, zoomable } = this.options;
    const all = steps();
    const target = cursorKey(event, all, cursor.current?.step);
    if (target !== undefined) cursor.move(target === null ? undefined : { step: target, source: id });
    else if (event.key === 'Enter' && this.options.onPick) this.pick();
    else if (zoomable && (event.key === '+' || event.key === '=')) this.zoomBy(1.5);
    else if (zoomable && event.key === '-') this.zoomBy(1 / 1.5);
    else if (zoomable && event.key === '0') this.resetZoom();
    else return;
    event.preventDefault();
  }

  private pick(): void {
    const step = this.options.cursor.current?.step;
    if (step !== undefined) this.options.onPick?.(step);
  }

  /** Zooms about the cursor, so that what is looked at stays in sight. */
  private zoomBy(factor: number): void {
    if (!this.hasAxes) return;
    const { scales, chartArea } = this.chart;
    const middle = (chartArea.left + chartArea.right) / 2;
    const step = this.options.cursor.current?.step;
    const x = step === undefined ? middle : scales.x.getPixelForValue(step);
    this.chart.zoom({ x: factor, focalPoint: { x, y: chartArea.top } });
  }

  /** A chart that was never in sight has no axes, and its cursor has nowhere to be. */
  private get hasAxes(): boolean {
    return 'x' in this.chart.scales;
  }

  private showCursor(): void {
    if (!this.hasAxes) return;
    this.chart.draw();
    this.describeCursor();
    this.placeTip();
  }

  private placeTip(): void {
    const position = this.options.cursor.current;
    const { min, max } = this.chart.scales.x;
    if (position?.source !== this.options.id || position.step < min || position.step > max) {
      this.tip.hide();
      return;
    }
    const { colours } = this.options.theme.current;
    const rows = this.options
      .read(position.step)
      .map(({ label, text, colour }) => ({ label, text, colour: colour && colours[colour] }));
    const { chartArea, width, height, scales } = this.chart;
    const y = (chartArea.top + chartArea.bottom) / 2;
    this.tip.show({ title: this.nameOf(position.step), rows }, scales.x.getPixelForValue(position.step), y, {
      width,
      height,
    });
  }

  private nameOf(step: number): string {
    return this.options.name?.(step) ?? `step ${step.toLocaleString('en-US')}`;
  }

  private describeCursor(): void {
    const all = this.options.steps();
    const step = this.options.cursor.current?.step ?? all.at(-1) ?? 0;
    const readings = this.options.read(step).map(({ label, text }) => `${label} ${text}`);
    this.element.setAttribute('aria-valuemin', String(all[0] ?? 0));
    this.element.setAttribute('aria-valuemax', String(all.at(-1) ?? 0));
    this.element.setAttribute('aria-valuenow', String(step));
    this.element.setAttribute('aria-valuetext', [this.nameOf(step), ...readings].join(', '));
  }

  private overlay(): Plugin<'line'> {
    return {
      id: 'overlay',
      beforeDatasetsDraw: chart => {
        drawLanes(chart, this.lanes, this.options.theme.current);
        drawMarks(chart, this.marks, this.options.theme.current);
      },
      afterDatasetsDraw: chart => {
        drawMarkLabels(chart, this.marks, this.options.theme.current);
        const step = this.options.cursor.current?.step;
        if (step !== undefined) drawCursor(chart, step, this.options.read(step), this.options.theme.current);
      },
    };
  }
}
