import type { Disposable } from '../../../src/common/lifecycle';
import type { RunView } from '../../../src/common/run/view';
import { LinePlot } from '../charts/linePlot';
import type { Reading } from '../charts/overlay';
import { createGate, fill, h, setText } from '../dom';
import { formatMetric, formatTick } from '../model/format';
import { cellCurve, framesOf, meanCurve, shortModule, type Cell, type Frame } from '../model/importance';
import { axisEnd, valueAt, type Point } from '../model/loss';
import { metricHint, metricText } from '../model/metrics';
import type { ViewContext } from './view';

/** What the curves show: a cell of a run, with a mark at the step on show. */
export interface CurvesModel {
  readonly run: RunView;
  readonly metrics: readonly string[];
  readonly cell: Cell;
  readonly step: number;
}

interface MetricPlot {
  readonly metric: string;
  readonly plot: LinePlot;
  readonly element: HTMLElement;
  readonly value: HTMLElement;
  frames: readonly Frame[];
}

/** Every metric of the selected cell over the steps, one small chart below the other, the mean of all cells dashed. */
export class CellCurves implements Disposable {
  readonly element: HTMLElement;
  private readonly title = h('div', { class: 'curve-title' });
  private readonly list = h('div', { class: 'curve-list' });
  private readonly changed = createGate();
  private plots: readonly MetricPlot[] = [];
  private model?: CurvesModel;

  constructor(
    private readonly context: ViewContext,
    private readonly onPick: (step: number) => void,
  ) {
    this.element = h('div', { class: 'heat-side' }, this.title, this.list);
  }

  /** Nothing is shown of a run with a single report: there is no curve through one point. */
  draw(model: CurvesModel): void {
    this.model = model;
    this.element.hidden = model.run.importance.length < 2;
    if (this.element.hidden) return;
    const { module, block } = model.cell;
    setText(this.title, `${shortModule(module)} · block ${block}, mean of all dashed`);
    if (this.changed(model.metrics.join('\n'))) this.build(model.metrics);
    for (const one of this.plots) this.drawOne(one, model);
  }

  dispose(): void {
    for (const { plot } of this.plots) plot.dispose();
  }

  private build(metrics: readonly string[]): void {
    this.dispose();
    this.plots = metrics.map(metric => this.create(metric));
    this.list.classList.toggle('single', metrics.length === 1);
    fill(this.list, ...this.plots.map(({ element }) => element));
  }

  private create(metric: string): MetricPlot {
    const { label } = metricText(metric);
    const { theme, cursor } = this.context;
    const value = h('b', {});
    const plot: LinePlot = new LinePlot({
      id: `importance-${metric}`,
      label: `${label} of the selected cell by step`,
      theme,
      cursor,
      format: formatTick,
      steps: () => one.frames.map(({ step }) => step),
      read: step => this.read(one, step),
      onPick: this.onPick,
      onRedraw: () => this.model && this.drawOne(one, this.model),
    });
    const name = h('div', { class: 'curve-name', title: metricHint(metric) }, h('span', {}, label), value);
    const one: MetricPlot = {
      metric,
      plot,
      value,
      element: h('div', { class: 'curve' }, name, plot.element),
      frames: [],
    };
    return one;
  }

  private drawOne(one: MetricPlot, { run, cell, step }: CurvesModel): void {
    one.frames = framesOf(run, one.metric);
    const { steps, values } = cellCurve(one.frames, cell);
    const { whole } = metricText(one.metric);
    setText(one.value, formatMetric(valueAt(steps, values, step)));
    one.plot.draw({
      series: [
        { id: 'mean', colour: 'dim', kind: 'context', points: pointsOf(meanCurve(one.frames)) },
        { id: 'cell', colour: 'blue', kind: whole ? 'stairs' : 'line', points: pointsOf({ steps, values }) },
      ],
      range: { min: 0, max: axisEnd(run.step, run.totalSteps) },
      fromZero: true,
      marks: [{ step }],
    });
  }

  private read({ metric, frames }: MetricPlot, step: number): Reading[] {
    if (this.model === undefined) return [];
    const { steps, values } = cellCurve(frames, this.model.cell);
    const value = valueAt(steps, values, step);
    return value === undefined
      ? []
      : [{ label: metricText(metric).label, colour: 'blue', value, text: formatMetric(value) }];
  }
}

function pointsOf({ steps, values }: { steps: readonly number[]; values: readonly number[] }): Point[] {
  return steps.map((x, i) => ({ x, y: values[i] }));
}
