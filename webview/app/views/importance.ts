import { LinePlot } from '../charts/linePlot';
import type { Reading } from '../charts/overlay';
import { createGate, h, setStyle, setText } from '../dom';
import { formatMetric, formatTick } from '../model/format';
import { heatRamp } from '../model/heat';
import {
  cellCurve,
  exponentOf,
  extentOf,
  formatCell,
  formatPower,
  framesOf,
  importanceCsvTable,
  importanceSummary,
  importanceTable,
  meanCurve,
  metricsOf,
  metricText,
  noImportanceReason,
  shortModule,
  strongestCell,
  type Cell,
  type Frame,
} from '../model/importance';
import { axisEnd, valueAt } from '../model/loss';
import { waitingMessage } from '../model/messages';
import { toggled } from '../preferences';
import { iconButton } from '../toolkit';
import { Card } from './card';
import { Segmented } from './controls';
import { Heatmap } from './heatmap';
import { Scrubber } from './scrubber';
import type { RunState, View, ViewContext } from './view';

const id = 'importance';

/** Which adapters matter: a heatmap over modules and blocks, a scrubber through the steps, and one cell's curve. */
export function createImportanceView(context: ViewContext): View {
  return new ImportanceView(context);
}

class ImportanceView implements View {
  readonly element: HTMLElement;
  private readonly card: Card;
  private readonly metric: Segmented;
  private readonly range: Segmented;
  private readonly heatmap = new Heatmap(cell => this.select(cell));
  private readonly scrubber = new Scrubber(() => this.draw());
  private readonly curve: LinePlot;
  private readonly curveTitle = h('div', { class: 'curve-title' });
  private readonly legend = createLegend();
  private readonly changed = createGate();
  private state?: RunState;
  private frames: readonly Frame[] = [];
  private chosen?: Cell;

  constructor(private readonly context: ViewContext) {
    const { setPreferences, theme, cursor } = context;
    this.metric = new Segmented('metric', 'Importance metric', metric => setPreferences({ metric }));
    this.range = new Segmented('heat-range', 'Colour range', value =>
      setPreferences({ heatRange: value === 'run' ? 'run' : 'step' }),
    );
    this.curve = new LinePlot({
      id,
      label: 'Importance of the selected cell by step',
      theme,
      cursor,
      format: formatTick,
      steps: () => this.frames.map(frame => frame.step),
      read: step => this.read(step),
      onRedraw: () => this.drawCurve(),
    });
    theme.onDidChange(() => this.draw());
    this.card = this.buildCard();
    this.element = this.card.element;
  }

  update(state: RunState): void {
    const { run, preferences } = state;
    this.state = state;
    if (!this.changed(run.manifest.id, run.importance.length, run.importance.at(-1), run.state, preferences)) return;
    const metrics = metricsOf(run);
    const metric = metrics.includes(preferences.metric) ? preferences.metric : metrics[0];
    this.frames = metric === undefined ? [] : framesOf(run, metric);
    const reason = noImportanceReason(run);
    const waiting = this.frames.length === 0 ? waitingMessage(run, 'report of importance') : undefined;
    this.card.setEmpty(reason ?? waiting);
    if (metric === undefined) {
      this.card.setSubtitle('');
      return;
    }
    const choices = metrics.map(value => ({ value, label: metricText(value).label, hint: metricText(value).meaning }));
    this.metric.set(choices, metric);
    this.range.set(rangeChoices, preferences.heatRange);
    this.scrubber.setFrames(this.frames.map(frame => frame.step));
    this.draw();
  }

  dispose(): void {
    this.scrubber.dispose();
    this.heatmap.dispose();
    this.curve.dispose();
  }

  private buildCard(): Card {
    const { actions, setPreferences } = this.context;
    const csv = (): void => {
      if (this.state) actions.saveTable('importance', importanceCsvTable(this.state.run));
    };
    const card = new Card({
      id,
      title: 'Importance',
      tools: [this.metric.element],
      exports: [iconButton({ label: 'Save as CSV…', icon: 'save-as', onClick: csv })],
      onTable: shown => setPreferences({ tables: toggled(this.state?.preferences.tables ?? [], id, shown) }),
    });
    const foot = h('div', { class: 'heat-foot' }, this.legend.element, this.range.element);
    card.body.append(
      h('div', { class: 'heat-main' }, this.heatmap.frame, foot),
      h('div', { class: 'heat-side' }, this.curveTitle, this.curve.element),
    );
    card.element.append(this.scrubber.element);
    return card;
  }

  private get frame(): Frame | undefined {
    return this.frames[this.scrubber.index];
  }

  private select(cell: Cell): void {
    if (this.chosen?.module === cell.module && this.chosen.block === cell.block) return;
    this.chosen = cell;
    this.draw();
  }

  private draw(): void {
    const { frame, state } = this;
    if (frame === undefined || state === undefined) return;
    const extent = extentOf(state.preferences.heatRange === 'run' ? this.frames : [frame]) ?? { min: 0, max: 0 };
    const exponent = exponentOf(extent.max);
    const { colours } = this.context.theme.current;
    const colour = heatRamp(colours.card, colours.blue, [colours.foreground, colours.page]);
    const { label, meaning } = metricText(frame.table.metric);
    this.heatmap.draw({
      frame,
      extent,
      exponent,
      selected: this.selected,
      colour,
      name: `${label}, step ${frame.step}`,
    });
    this.legend.update(
      [formatCell(extent.min, exponent), formatCell(extent.max, exponent) + formatPower(exponent)],
      share => colour(share).background,
    );
    this.card.setSubtitle(meaning);
    this.card.setSummary(importanceSummary(frame));
    this.card.setTable(state.preferences.tables.includes(id), () => importanceTable(frame));
    this.drawCurve();
  }

  private get selected(): Cell | undefined {
    const last = this.frames.at(-1);
    return this.chosen ?? (last && strongestCell(last));
  }

  private drawCurve(): void {
    const { selected, state, frame } = this;
    if (selected === undefined || state === undefined || frame === undefined) return;
    const points = ({ steps, values }: ReturnType<typeof cellCurve>): { x: number; y: number }[] =>
      steps.map((x, i) => ({ x, y: values[i] }));
    setText(this.curveTitle, `${shortModule(selected.module)} · block ${selected.block}, mean of all dashed`);
    this.curve.draw({
      series: [
        { id: 'mean', colour: 'dim', kind: 'context', points: points(meanCurve(this.frames)) },
        { id: 'cell', colour: 'blue', kind: 'line', points: points(cellCurve(this.frames, selected)) },
      ],
      range: { min: 0, max: axisEnd(state.run.step, state.run.totalSteps) },
      fromZero: true,
      marks: [{ step: frame.step }],
    });
  }

  private read(step: number): Reading[] {
    const { selected } = this;
    if (selected === undefined) return [];
    const cell = cellCurve(this.frames, selected);
    const value = valueAt(cell.steps, cell.values, step);
    const label = `${shortModule(selected.module)} · block ${selected.block}`;
    return value === undefined ? [] : [{ label, colour: 'blue', value, text: formatMetric(value) }];
  }
}

const rangeChoices = [
  { value: 'step', label: 'this step', hint: 'Colours span the values of the step on show' },
  { value: 'run', label: 'all steps', hint: 'Colours span the values of all steps, so that steps can be compared' },
];

interface Legend {
  readonly element: HTMLElement;
  update(ends: readonly string[], colour: (share: number) => string): void;
}

function createLegend(): Legend {
  const low = h('span', {});
  const high = h('span', {});
  const bar = h('i', { class: 'heat-scale' });
  return {
    element: h('div', { class: 'heat-legend' }, low, bar, high),
    update: (ends, colour) => {
      setText(low, ends[0]);
      setText(high, ends[1]);
      const stops = [0, 0.25, 0.5, 0.75, 1].map(colour).join(', ');
      setStyle(bar, 'background', `linear-gradient(to right, ${stops})`);
    },
  };
}
