import type { Disposable } from '../../../src/common/lifecycle';
import type { RunView } from '../../../src/common/run/view';
import { LinePlot } from '../charts/linePlot';
import type { Reading } from '../charts/overlay';
import { h, setText } from '../dom';
import { budgetCurve, budgetText, type BudgetCurve } from '../model/budget';
import { formatTick } from '../model/format';
import { axisEnd, valueAt, type Point } from '../model/loss';
import type { ViewContext } from './view';

/** The planned budget beside the actual one, with a mark at the step on show; a click goes to a step. */
export class BudgetPlot implements Disposable {
  readonly element: HTMLElement;
  private readonly plot: LinePlot;
  private readonly value = h('span', {});
  private run?: RunView;
  private step = 0;
  private curve?: BudgetCurve;

  constructor({ theme, cursor }: ViewContext, onPick: (step: number) => void) {
    this.plot = new LinePlot({
      id: 'budget',
      label: 'Budget by step',
      theme,
      cursor,
      format: formatTick,
      steps: () => this.curve?.steps ?? [],
      read: step => this.read(step),
      onPick,
      onRedraw: () => this.redraw(),
    });
    const planned = h('span', {}, h('i', { class: 'mark mark-planned' }), 'planned');
    const actual = h('span', {}, h('i', { class: 'mark mark-line', 'data-colour': 'orange' }), 'in use');
    const title = h('div', { class: 'curve-title' }, h('span', {}, 'Budget'), this.value);
    const legend = h('div', { class: 'legend' }, actual, planned);
    this.element = h('div', { class: 'budget' }, h('div', { class: 'budget-head' }, title, legend), this.plot.element);
  }

  /** Hidden for a run without a budget, or with a single report. */
  draw(run: RunView, step: number): void {
    this.run = run;
    this.step = step;
    this.curve = budgetCurve(run);
    this.element.hidden = this.curve === undefined || this.curve.steps.length < 2;
    this.redraw();
  }

  dispose(): void {
    this.plot.dispose();
  }

  private redraw(): void {
    const { run, curve, step } = this;
    if (run === undefined || curve === undefined || this.element.hidden) return;
    setText(this.value, budgetText(curve, step) ?? '');
    const points = (values: readonly number[]): Point[] => curve.steps.map((x, i) => ({ x, y: values[i] }));
    this.plot.draw({
      series: [
        { id: 'planned', colour: 'foreground', kind: 'context', points: points(curve.planned) },
        { id: 'actual', colour: 'orange', kind: 'stairs', points: points(curve.actual) },
      ],
      range: { min: 0, max: axisEnd(run.step, run.totalSteps) },
      fromZero: true,
      marks: [{ step }],
    });
  }

  private read(step: number): Reading[] {
    const { curve } = this;
    if (curve === undefined) return [];
    const [actual, planned] = [curve.actual, curve.planned].map(values => valueAt(curve.steps, values, step));
    if (actual === undefined || planned === undefined) return [];
    return [
      { label: 'in use', colour: 'orange', value: actual, text: formatTick(actual) },
      { label: 'planned', colour: 'foreground', value: planned, text: formatTick(planned) },
    ];
  }
}
