import { Chart, type Plugin, type PointStyle } from 'chart.js';
import { DisposableStore, type Disposable } from '../../../src/common/lifecycle';
import { chartImage } from '../charts/chartImage';
import { valueAxis } from '../charts/lineOptions';
import type { ColourName, ThemeSource } from '../charts/theme';
import { Tip, type TipRow } from '../charts/tip';
import { h } from '../dom';
import type { Point, Range } from '../model/loss';
import { drawBaseline, drawFront, drawIntervals, drawLabels, drawPath, drawRing } from './scatterInk';

export interface ScatterPoint {
  readonly id: string;
  readonly label: string;
  readonly colour: ColourName;
  readonly shape: PointStyle;
  readonly x: number;
  readonly y: number;
  /** Half the 95 % interval of y. */
  readonly half?: number;
  readonly onFront: boolean;
  /** Drawn hollow: its runs are under way. */
  readonly isProvisional: boolean;
  /** What its tip and a screen reader say. */
  readonly rows: readonly TipRow[];
}

export interface ScatterModel {
  readonly points: readonly ScatterPoint[];
  /** The front from its cheapest to its best point. */
  readonly front: readonly Point[];
  /** A line through points that follow each other. */
  readonly path?: readonly Point[];
  readonly logarithmic?: boolean;
  /** A level to compare with, drawn where it is in sight. */
  readonly baseline?: { readonly y: number; readonly label: string };
  readonly xTitle: string;
}

export interface ScatterOptions {
  readonly label: string;
  readonly theme: ThemeSource;
  readonly format: (value: number) => string;
  readonly yTitle: string;
}

/** Points with intervals and names, read by pointer and by arrow keys. */
export class ScatterPlot implements Disposable {
  readonly element: HTMLElement;
  private readonly chart: Chart<'line', Point[]>;
  private readonly tip = new Tip();
  private readonly owned = new DisposableStore();
  private model: ScatterModel = { points: [], front: [], xTitle: '' };
  private active = -1;

  constructor(private readonly options: ScatterOptions) {
    const canvas = h('canvas', { 'aria-hidden': 'true' });
    const slider = { role: 'slider', tabindex: 0, 'aria-orientation': 'horizontal' };
    this.element = h(
      'div',
      { class: 'plot scatter', 'aria-label': options.label, ...slider },
      canvas,
      this.tip.element,
    );
    this.chart = new Chart<'line', Point[]>(canvas, {
      type: 'line',
      data: { datasets: [] },
      options: this.chartOptions(),
      plugins: [this.ink()],
    });
    this.listen(canvas);
    this.owned.add(options.theme.onDidChange(() => this.retheme()));
  }

  draw(model: ScatterModel): void {
    this.model = model;
    const { colours } = this.options.theme.current;
    this.chart.data.datasets = model.points.map(({ id, x, y, colour, shape, isProvisional }) => ({
      label: id,
      data: [{ x, y }],
      showLine: false,
      clip: 12,
      pointStyle: shape,
      pointRadius: shape === 'crossRot' ? 6 : 5.5,
      pointBackgroundColor: isProvisional ? 'transparent' : colours[colour],
      pointBorderColor: colours[colour],
      pointBorderWidth: shape === 'crossRot' ? 2.5 : 1.5,
    }));
    this.setRanges();
    this.chart.update('none');
    this.describe();
  }

  /** The chart as it is on screen, on an opaque background. */
  toImage(): Promise<Blob | undefined> {
    return chartImage(this.chart.canvas, this.options.theme.current.colours.card);
  }

  dispose(): void {
    this.owned.dispose();
    this.chart.destroy();
  }

  private chartOptions(): NonNullable<ConstructorParameters<typeof Chart<'line', Point[]>>[1]['options']> {
    const { theme, format, yTitle } = this.options;
    const { colours, fontFamily } = theme.current;
    const title = (text: string) => ({
      display: true,
      text,
      color: colours.dim,
      font: { family: fontFamily, size: 11 },
    });
    const shared = valueAxis(theme.current, format, false);
    const axis = (text: string) => ({
      ...shared,
      ticks: { ...shared?.ticks, includeBounds: false, maxRotation: 0 },
      title: title(text),
    });
    return {
      responsive: true,
      maintainAspectRatio: false,
      parsing: false,
      normalized: true,
      events: [],
      layout: { padding: { top: 10, right: 14 } },
      scales: { x: axis(this.model.xTitle), y: axis(yTitle) },
    };
  }

  /** Room around the points and their intervals; the cost axis never starts below zero. */
  private setRanges(): void {
    const { points } = this.model;
    const { scales } = this.chart.options;
    if (points.length === 0 || !scales?.x || !scales.y) return;
    const { logarithmic = false } = this.model;
    const costs = points.map(point => point.x);
    const ys = points.flatMap(({ y, half = 0 }) => [y - half, y + half]);
    const x = logarithmic ? raised(padded(costs.map(Math.log), 0.14)) : padded(costs, 0.14);
    Object.assign(scales.x, { type: logarithmic ? 'logarithmic' : 'linear', min: Math.max(0, x.min), max: x.max });
    Object.assign(scales.y, padded(ys, 0.14));
    Object.assign(scales.x.title ?? {}, { text: this.model.xTitle });
    Object.assign(scales.y, padded(ys, 0.14));
  }

  private retheme(): void {
    this.chart.options = this.chartOptions();
    this.draw(this.model);
  }

  private ink(): Plugin<'line'> {
    return {
      id: 'ink',
      beforeDatasetsDraw: chart => {
        const theme = this.options.theme.current;
        drawFront(chart, this.model.front, theme);
        drawPath(chart, this.model.path ?? [], theme);
        if (this.model.baseline) drawBaseline(chart, this.model.baseline, theme);
        drawIntervals(chart, this.model.points, theme);
      },
      afterDatasetsDraw: chart => {
        const theme = this.options.theme.current;
        drawLabels(chart, this.model.points, theme);
        if (this.active >= 0) drawRing(chart, this.model.points[this.active], theme);
      },
    };
  }

  private listen(canvas: HTMLCanvasElement): void {
    canvas.addEventListener('pointermove', event => this.point(this.nearest(event.offsetX, event.offsetY)));
    canvas.addEventListener('pointerleave', () => this.point(-1));
    this.element.addEventListener('blur', () => this.point(-1));
    this.element.addEventListener('keydown', event => {
      const order = this.model.points.map((_, i) => i).sort((a, b) => this.model.points[a].x - this.model.points[b].x);
      const at = order.indexOf(this.active);
      const moves: Readonly<Record<string, number>> = {
        ArrowRight: at + 1,
        ArrowUp: at + 1,
        ArrowLeft: at < 0 ? order.length - 1 : at - 1,
        ArrowDown: at < 0 ? order.length - 1 : at - 1,
        Home: 0,
        End: order.length - 1,
      };
      if (event.key === 'Escape') this.point(-1);
      else if (event.key in moves) this.point(order[Math.min(order.length - 1, Math.max(0, moves[event.key]))] ?? -1);
      else return;
      event.preventDefault();
    });
  }

  /** The point within reach of the pointer. */
  private nearest(x: number, y: number): number {
    const { scales } = this.chart;
    let best = -1;
    let least = 28;
    this.model.points.forEach((point, i) => {
      const distance = Math.hypot(scales.x.getPixelForValue(point.x) - x, scales.y.getPixelForValue(point.y) - y);
      if (distance < least) [best, least] = [i, distance];
    });
    return best;
  }

  private point(index: number): void {
    if (index === this.active) return;
    this.active = index;
    this.chart.draw();
    this.describe();
  }

  private describe(): void {
    const { points } = this.model;
    if (this.active >= points.length) this.active = -1;
    const point = points.at(this.active < 0 ? 0 : this.active);
    const { element } = this;
    element.setAttribute('aria-valuemin', '1');
    element.setAttribute('aria-valuemax', String(Math.max(1, points.length)));
    element.setAttribute('aria-valuenow', String(this.active < 0 ? 1 : this.active + 1));
    const said = point?.rows.map(({ label, text }) => `${label} ${text}`).join(', ') ?? '';
    element.setAttribute('aria-valuetext', point === undefined ? '' : `${point.label}: ${said}`);
    if (this.active < 0 || point === undefined) {
      this.tip.hide();
      return;
    }
    const { scales, width, height } = this.chart;
    const at = { x: scales.x.getPixelForValue(point.x), y: scales.y.getPixelForValue(point.y) };
    this.tip.show({ title: point.label, rows: point.rows }, at.x, at.y, { width, height });
  }
}

/** The span of the values with room on both sides. */
function padded(values: readonly number[], share: number): Range {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) * share;
  return { min: low - room, max: high + room };
}

function raised({ min, max }: Range): Range {
  return { min: Math.exp(min), max: Math.exp(max) };
}
