import type { ComparedGroup } from '../../../src/common/comparison/groups';
import { LinePlot } from '../charts/linePlot';
import type { LineSeries } from '../charts/lineOptions';
import type { Reading } from '../charts/overlay';
import { fill, h } from '../dom';
import { formatMetric, formatTick } from '../model/format';
import type { Point } from '../model/loss';
import { iconButton } from '../toolkit';
import { Card } from '../views/card';
import { Segmented } from '../views/controls';
import { curveSteps, curveTable, lossesOf, meanCurve, type CurveKind } from './curves';
import { looksOf, type Look } from './look';
import type { CompareState } from './store';
import type { CompareContext, CompareView } from './view';

const id = 'curves';
const kinds = [
  { value: 'evaluation', label: 'evaluation' },
  { value: 'training', label: 'training' },
];

/** The loss of every group over the steps: its mean firm, its seeds faint; what does not train as a level. */
export function createCurvesView(context: CompareContext): CompareView {
  return new CurvesView(context);
}

class CurvesView implements CompareView {
  readonly element: HTMLElement;
  private readonly card: Card;
  private readonly plot: LinePlot;
  private readonly legend = h('div', { class: 'legend' });
  private readonly kind: Segmented;
  private state?: CompareState;
  private means: readonly Point[][] = [];

  constructor(private readonly context: CompareContext) {
    const { setPreferences, theme, cursor } = context;
    this.kind = new Segmented('curve', 'Which loss', value =>
      setPreferences({ curve: value === 'training' ? 'training' : 'evaluation' }),
    );
    this.plot = new LinePlot({
      id,
      label: 'Loss by step',
      theme,
      cursor,
      zoomable: true,
      format: formatTick,
      steps: () => curveSteps(this.means),
      read: step => this.read(step),
      onRedraw: () => this.draw(),
    });
    this.card = this.buildCard();
    this.card.body.append(this.plot.element, this.legend);
    this.element = this.card.element;
  }

  update(state: CompareState): void {
    this.state = state;
    const { groups, preferences } = state;
    this.kind.set(kinds, preferences.curve);
    const isEmpty = groups.every(group => group.runs.every(run => lossesOf(run, preferences.curve).step.length === 0));
    this.card.setTable(preferences.curveTable, () => curveTable(groups, preferences.curve));
    this.card.setEmpty(isEmpty ? 'Comes with the first evaluation.' : undefined);
    this.card.setSummary(summaryOf(groups));
    if (!isEmpty) this.draw();
  }

  dispose(): void {
    this.plot.dispose();
  }

  private buildCard(): Card {
    const { actions, setPreferences } = this.context;
    const csv = (): void => {
      if (this.state) actions.saveTable('curves', curveTable(this.state.groups, this.state.preferences.curve));
    };
    const image = (): void => void this.plot.toImage().then(blob => actions.saveImage('curves', blob));
    return new Card({
      id,
      title: 'Loss',
      tools: [this.kind.element],
      exports: [
        iconButton({ label: 'Save as image…', icon: 'device-camera', onClick: image }),
        iconButton({ label: 'Save as CSV…', icon: 'save-as', onClick: csv }),
      ],
      onTable: shown => setPreferences({ curveTable: shown }),
    });
  }

  private draw(): void {
    const { state, plot } = this;
    if (state === undefined) return;
    const { groups, preferences } = state;
    const looks = looksOf(groups);
    this.means = groups.map(group => meanCurve(group, preferences.curve));
    const end = Math.max(1, ...groups.flatMap(group => group.runs.map(run => Math.max(run.totalSteps, run.step))));
    const series = groups.flatMap((group, i) =>
      seriesOf(group, this.means[i], { ...looks[i], kind: preferences.curve, end }),
    );
    plot.draw({ series, range: { min: 0, max: end } });
    fill(this.legend, ...groups.map((group, i) => legendEntry(group, looks[i])));
  }

  private read(step: number): Reading[] {
    const { groups = [] } = this.state ?? {};
    const looks = looksOf(groups);
    return groups.flatMap((group, i): Reading[] => {
      const value = (this.means[i] ?? []).find(point => point.x === step)?.y;
      if (value === undefined) return [];
      return [{ label: group.label, colour: looks[i].colour, value, text: formatMetric(value) }];
    });
  }
}

interface SeriesLook {
  readonly colour: LineSeries['colour'];
  readonly isRepeat: boolean;
  readonly kind: CurveKind;
  /** Where the step axis ends. */
  readonly end: number;
}

function seriesOf({ id: group, runs, trains }: ComparedGroup, mean: readonly Point[], look: SeriesLook): LineSeries[] {
  const { colour, isRepeat, kind, end } = look;
  if (!trains) {
    const level = mean.at(-1)?.y;
    if (level === undefined) return [];
    return [{ id: group, colour, kind: 'context', points: [0, end].map(x => ({ x, y: level })) }];
  }
  const seeds = runs.length < 2 ? [] : runs;
  return [
    ...seeds.map((run): LineSeries => {
      const { step, loss } = lossesOf(run, kind);
      return { id: run.id, colour, kind: 'raw', points: step.map((x, i) => ({ x, y: loss[i] })) };
    }),
    { id: group, colour, kind: isRepeat ? 'context' : 'line', points: mean },
  ];
}

function legendEntry({ label, trains }: ComparedGroup, { colour, isRepeat }: Look): HTMLElement {
  const mark = trains && !isRepeat ? 'mark-line' : 'mark-level';
  return h('span', {}, h('i', { class: `mark ${mark}`, 'data-colour': colour }), label);
}

function summaryOf(groups: readonly ComparedGroup[]): string {
  const best = groups.reduce<ComparedGroup | undefined>(
    (a, b) => ((b.evalLoss?.mean ?? Infinity) < (a?.evalLoss?.mean ?? Infinity) ? b : a),
    undefined,
  );
  return best === undefined
    ? 'No losses yet.'
    : `Lowest evaluation loss so far: ${best.label}, ${formatMetric(best.evalLoss?.mean)}.`;
}
