import type { MetricSeries, RunView } from '../../../src/common/run/view';
import { LinePlot } from '../charts/linePlot';
import type { Reading } from '../charts/overlay';
import { createGate } from '../dom';
import { axisEnd, valueAt, visiblePoints } from '../model/loss';
import { waitingMessage } from '../model/messages';
import { longestSteps, runLabels } from '../model/overlays';
import { Card } from './card';
import type { RunState, View, ViewContext } from './view';

export interface TrendOptions {
  readonly id: string;
  readonly title: string;
  readonly column: Exclude<keyof MetricSeries, 'step' | 'loss'>;
  readonly format: (value: number | undefined) => string;
  /** The same for axis labels. */
  readonly tick: (value: number) => string;
  readonly fromZero: boolean;
}

/** A small chart of one metric over the steps; its subtitle reads the value at the shared cursor, or the latest. */
export function createTrendView({ theme, cursor }: ViewContext, options: TrendOptions): View {
  const { id, title, column, format, fromZero } = options;
  let state: RunState | undefined;
  const changed = createGate();
  const card = new Card({ id, title });
  let labels: readonly string[] = [];
  const read = (step: number): Reading[] =>
    (state?.runs ?? []).flatMap((run, i): Reading[] => {
      const value = valueAt(run.metrics.step, run.metrics[column], step);
      if (value === undefined) return [];
      return [{ label: labels[i], colour: state?.colours[i] ?? 'blue', value, text: format(value) }];
    });
  const plot = new LinePlot({
    id,
    label: `${title} by step`,
    theme,
    cursor,
    format: options.tick,
    steps: () => longestSteps(state?.runs ?? []),
    read,
    onRedraw: () => draw(),
  });
  const draw = (): void => {
    if (state === undefined) return;
    const { colours } = state;
    const range = { min: 0, max: Math.max(...state.runs.map(run => axisEnd(run.step, run.totalSteps))) };
    const visible = plot.visible(range);
    const series = state.runs.map((run, i) => ({
      id: run.manifest.id,
      colour: colours[i],
      kind: 'line' as const,
      points: visiblePoints(run.metrics.step, run.metrics[column], visible, plot.pixels),
    }));
    plot.draw({ series, range, fromZero });
  };
  const readSubtitle = (): void => card.setSubtitle(subtitle(state?.run, cursor.current?.step, options));
  const listening = cursor.onDidMove(readSubtitle);
  card.body.append(plot.element);
  return {
    element: card.element,
    update: next => {
      state = next;
      labels = runLabels(next.runs);
      if (!changed(...next.runs.flatMap(run => [run.manifest.id, run.seq]))) return;
      const empty = next.run.metrics.step.length === 0;
      card.setEmpty(empty ? waitingMessage(next.run, 'step') : undefined);
      readSubtitle();
      if (!empty) draw();
    },
    dispose: () => {
      listening.dispose();
      plot.dispose();
    },
  };
}

function subtitle(run: RunView | undefined, step: number | undefined, { column, format }: TrendOptions): string {
  if (run === undefined || run.metrics.step.length === 0) return '';
  if (step === undefined) return format(run.metrics[column].at(-1));
  const value = valueAt(run.metrics.step, run.metrics[column], step);
  return value === undefined ? '' : `${format(value)} at step ${step.toLocaleString('en-US')}`;
}
