import type { RunView } from '../../../src/common/run/view';
import { isActive } from '../../../src/common/run/stateMachine';
import { LinePlot } from '../charts/linePlot';
import type { Reading } from '../charts/overlay';
import type { LineSeries, Mark } from '../charts/lineOptions';
import { createGate, fill, h } from '../dom';
import { formatMetric, formatTick } from '../model/format';
import {
  axisEnd,
  lossCsvTable,
  lossSummary,
  lossTable,
  smoothedLoss,
  valueAt,
  visiblePoints,
  type Range,
} from '../model/loss';
import { startMessage } from '../model/messages';
import { longestSteps, overlayHint, runLabels, type RunColour } from '../model/overlays';
import { bestEvaluation } from '../model/run';
import { toggled } from '../preferences';
import { iconButton, setPressed } from '../toolkit';
import { Card } from './card';
import { Slider } from './controls';
import type { RunState, View, ViewContext } from './view';

const id = 'loss';
const tableRows = 120;
/** From this many runs on, unsmoothed curves would hide the smoothed ones. */
const maxRaws = 4;

/** Training and evaluation loss of the main run and its overlays. */
export function createLossView(context: ViewContext): View {
  return new LossView(context);
}

class LossView implements View {
  readonly element: HTMLElement;
  private readonly card: Card;
  private readonly plot: LinePlot;
  private readonly legend = h('div', { class: 'legend' });
  private readonly smoothing: Slider;
  private readonly logarithmic: HTMLElement;
  private readonly reset: HTMLElement;
  private readonly changed = createGate();
  private readonly legendChanged = createGate();
  private state?: RunState;
  /** Smoothed losses of the runs on show, kept for cursor reads between draws. */
  private smoothed: (readonly number[])[] = [];
  private labels: readonly string[] = [];

  constructor(private readonly context: ViewContext) {
    const { setPreferences } = context;
    this.smoothing = new Slider({
      label: 'smoothing',
      min: 0,
      max: 0.99,
      step: 0.01,
      format: value => value.toFixed(2),
      onInput: value => setPreferences({ smoothing: value }),
    });
    this.logarithmic = iconButton({
      label: 'Logarithmic axis',
      icon: 'graph-line',
      onClick: () => setPreferences({ logLoss: !this.state?.preferences.logLoss }),
    });
    this.plot = new LinePlot({
      id,
      label: 'Loss by step',
      theme: context.theme,
      cursor: context.cursor,
      zoomable: true,
      format: formatTick,
      steps: () => longestSteps(this.state?.runs ?? []),
      read: step => this.read(step),
      onRedraw: () => this.draw(),
    });
    this.reset = iconButton({ label: 'Show all steps', icon: 'screen-full', onClick: () => this.plot.resetZoom() });
    this.card = this.buildCard();
    this.card.body.append(this.plot.element, this.legend);
    this.element = this.card.element;
  }

  update(state: RunState): void {
    const { runs, preferences, run } = state;
    this.state = state;
    if (!this.changed(preferences, ...runs.flatMap(one => [one.manifest.id, one.seq]))) return;
    this.smoothing.set(preferences.smoothing);
    setPressed(this.logarithmic, preferences.logLoss);
    this.card.setTable(preferences.tables.includes(id), () => lossTable(run, preferences.smoothing, tableRows));
    const empty = run.metrics.step.length === 0 && run.evaluations.step.length === 0;
    this.card.setEmpty(empty ? startMessage(run) : undefined, isActive(run.state));
    this.card.setSummary(lossSummary(run));
    if (!empty) this.draw();
  }

  dispose(): void {
    this.plot.dispose();
    this.element.remove();
  }

  private buildCard(): Card {
    const { actions, setPreferences } = this.context;
    const csv = (): void => {
      if (this.state) actions.saveTable('loss', lossCsvTable(this.state.run));
    };
    const image = (): void => void this.plot.toImage().then(blob => actions.saveImage('loss', blob));
    const card = new Card({
      id,
      title: 'Loss',
      tools: [this.smoothing.element, this.reset, this.logarithmic],
      exports: [
        iconButton({ label: 'Save as image…', icon: 'device-camera', onClick: image }),
        iconButton({ label: 'Save as CSV…', icon: 'save-as', onClick: csv }),
      ],
      onTable: shown => setPreferences({ tables: toggled(this.state?.preferences.tables ?? [], id, shown) }),
    });
    card.setSubtitle('train, evaluation');
    this.plot.element.setAttribute(
      'aria-description',
      'Arrow keys read values, plus and minus zoom, 0 shows all steps',
    );
    this.reset.title = 'Show all steps. Drag in the chart or turn the wheel with Ctrl to zoom, drag with Shift to move';
    return card;
  }

  private draw(): void {
    const { state, plot } = this;
    if (state === undefined) return;
    const { runs, colours, preferences } = state;
    this.smoothed = runs.map(run => smoothedLoss(run, preferences.smoothing));
    const full = fullRange(runs);
    const range = plot.visible(full);
    const raws = preferences.smoothing > 0 && runs.length < maxRaws;
    this.labels = runLabels(runs);
    const series = runs.flatMap((run, i) => this.seriesOf(run, i, { range, raws, colour: colours[i] }));
    plot.draw({ series, range: full, logarithmic: preferences.logLoss, marks: marksOf(state.run, range) });
    this.reset.toggleAttribute('disabled', !plot.zoomed);
    this.drawLegend(state);
  }

  private seriesOf(run: RunView, index: number, { range, raws, colour }: SeriesLook): LineSeries[] {
    const { step, loss } = run.metrics;
    const { pixels } = this.plot;
    const key = run.manifest.id;
    const line = { colour, kind: 'line', points: visiblePoints(step, this.smoothed[index], range, pixels) } as const;
    const evaluations = visiblePoints(run.evaluations.step, run.evaluations.loss, range, pixels);
    return [
      ...(raws
        ? [{ id: `${key}/raw`, colour, kind: 'raw' as const, points: visiblePoints(step, loss, range, pixels) }]
        : []),
      { id: `${key}/line`, ...line },
      { id: `${key}/evaluation`, colour, kind: 'diamonds', points: evaluations },
    ];
  }

  private read(step: number): Reading[] {
    const { state, smoothed } = this;
    if (state === undefined) return [];
    return state.runs.flatMap((run, i): Reading[] => {
      const colour = state.colours[i];
      const { metrics, evaluations } = run;
      const smooth = valueAt(metrics.step, smoothed[i] ?? [], step);
      const raw = valueAt(metrics.step, metrics.loss, step);
      const evaluation = valueAt(evaluations.step, evaluations.loss, step);
      const isSmoothed = state.preferences.smoothing > 0 && raw !== undefined;
      const text = `${formatMetric(smooth)}${isSmoothed ? ` (${formatMetric(raw)})` : ''}`;
      return [
        ...(smooth === undefined ? [] : [{ label: this.labels[i], colour, value: smooth, text }]),
        ...(evaluation === undefined
          ? []
          : [{ label: 'evaluation', colour, value: evaluation, text: formatMetric(evaluation) }]),
      ];
    });
  }

  private drawLegend({ runs, run, colours, preferences }: RunState): void {
    const smoothed = preferences.smoothing > 0;
    const hasCheckpoints = run.checkpoints.length > 0;
    if (!this.legendChanged(smoothed, hasCheckpoints, this.labels.join('\n'), runs, colours)) return;
    const entry = (glyph: string, text: string, colour?: string): HTMLElement =>
      h('span', {}, h('i', { class: `mark mark-${glyph}`, 'data-colour': colour }), text);
    const overlaid = runs.slice(1).map((one, i) => {
      const item = entry('line', this.labels[i + 1], colours[i + 1]);
      item.classList.add('overlaid');
      item.title = overlayHint(one, run);
      const remove = (): void => this.context.actions.removeOverlay(one.manifest.id);
      item.append(
        iconButton({ label: `Take ${this.labels[i + 1]} out of the charts`, icon: 'close', onClick: remove }),
      );
      return item;
    });
    fill(
      this.legend,
      entry('line', this.labels[0], colours[0]),
      ...overlaid,
      smoothed && runs.length < maxRaws && entry('raw', 'unsmoothed', colours[0]),
      entry('diamond', 'evaluation', colours[0]),
      hasCheckpoints && entry('dash', 'checkpoint'),
    );
  }
}

interface SeriesLook {
  readonly range: Range;
  readonly raws: boolean;
  readonly colour: RunColour;
}

function fullRange(runs: readonly RunView[]): Range {
  return { min: 0, max: Math.max(...runs.map(run => axisEnd(run.step, run.totalSteps))) };
}

/** Checkpoints in sight, the best one labelled; none but the best when they would crowd the chart. */
function marksOf(run: RunView, range: Range): Mark[] {
  const best = run.checkpoints.findLast(checkpoint => checkpoint.best);
  const loss = best?.evalLoss ?? bestEvaluation(run)?.loss;
  const inSight = run.checkpoints.filter(({ step }) => step >= range.min && step <= range.max);
  const shown = inSight.length > 8 ? inSight.filter(checkpoint => checkpoint === best) : inSight;
  return shown.map(checkpoint => ({
    step: checkpoint.step,
    label: checkpoint === best ? `best ${formatMetric(loss)}` : undefined,
  }));
}
