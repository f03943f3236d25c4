import type { ChartDataset, ChartOptions } from 'chart.js';
import type { Point, Range } from '../model/loss';
import { withAlpha, type ColourName, type Theme } from './theme';

/** `stairs`: the value holds until the next one. */
export type SeriesKind = 'raw' | 'line' | 'stairs' | 'context' | 'diamonds' | 'area';

export interface LineSeries {
  readonly id: string;
  readonly colour: ColourName;
  readonly kind: SeriesKind;
  readonly points: readonly Point[];
  /** The lowest of stacked areas, which reaches down to zero. */
  readonly first?: boolean;
}

/** A vertical line at a step; a label makes it stand out. */
export interface Mark {
  readonly step: number;
  readonly label?: string;
}

/** A shaded part of the axis, named in a lane above the chart where there is room. */
export interface Band {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

/** A small arrow in a lane above the chart. */
export interface Arrow {
  readonly step: number;
  readonly direction: 'up' | 'down';
}

export interface Tick {
  readonly value: number;
  readonly label: string;
}

export interface LineModel {
  readonly series: readonly LineSeries[];
  readonly range: Range;
  readonly logarithmic?: boolean;
  readonly fromZero?: boolean;
  /** Names on the step axis instead of numbers. */
  readonly ticks?: readonly Tick[];
  readonly marks?: readonly Mark[];
  readonly bands?: readonly Band[];
  readonly arrows?: readonly Arrow[];
}

export type LineDataset = ChartDataset<'line', Point[]>;

/** How a series looks: raw is thin and faint, a line is firm, evaluations are diamonds. */
export function styleOf(series: LineSeries, theme: Theme): Partial<LineDataset> {
  const colour = theme.colours[series.colour];
  switch (series.kind) {
    case 'raw':
      return {
        ...plainLine,
        borderColor: withAlpha(colour, theme.highContrast ? 0.6 : 0.38),
        borderWidth: 1,
        order: 3,
      };
    case 'context':
      return { ...plainLine, borderColor: colour, borderWidth: 1, borderDash: [3, 3], order: 2 };
    case 'line':
      return { ...plainLine, borderColor: colour, borderWidth: 1.75, order: 1 };
    case 'stairs':
      return { ...plainLine, borderColor: colour, borderWidth: 1.75, order: 1, stepped: true };
    case 'area':
      return {
        ...plainLine,
        borderWidth: theme.highContrast ? 1 : 0,
        borderColor: theme.colours.card,
        backgroundColor: withAlpha(colour, 0.88),
        fill: series.first ? 'origin' : '-1',
      };
    case 'diamonds':
      return {
        showLine: false,
        clip: 8,
        pointStyle: 'rectRot',
        pointRadius: 5,
        pointBackgroundColor: colour,
        pointBorderColor: theme.colours.card,
        pointBorderWidth: 1.5,
        order: 0,
      };
  }
}

const plainLine: Partial<LineDataset> = { showLine: true, pointRadius: 0, borderJoinStyle: 'round', spanGaps: false };

type Axis = NonNullable<ChartOptions<'line'>['scales']>[string];

export interface AxisOptions {
  readonly zoomable: boolean;
  readonly format: (value: number) => string;
  readonly onWindow: () => void;
  readonly ticks: () => readonly Tick[] | undefined;
}

/** Pixels above a chart without lanes. */
export const plainTop = 8;

/** Options of every chart over steps; colours come from the theme, ranges are set on each update. */
export function lineOptions(theme: Theme, axis: AxisOptions): ChartOptions<'line'> {
  return {
    responsive: true,
    maintainAspectRatio: false,
    parsing: false,
    normalized: true,
    events: [],
    layout: { padding: { top: plainTop, right: 6 } },
    scales: { x: stepAxis(theme, axis.ticks), y: valueAxis(theme, axis.format, false) },
    plugins: {
      zoom: axis.zoomable ? zoomOptions(theme, axis.onWindow) : undefined,
    },
  };
}

/** The step axis: whole steps only, no grid; or the names that the model gives. */
function stepAxis(theme: Theme, ticks: AxisOptions['ticks']): Axis {
  const label = (value: number): string => {
    const named = ticks();
    if (named) return named.find(tick => tick.value === value)?.label ?? '';
    return Number.isInteger(value) ? value.toLocaleString('en-US') : '';
  };
  return {
    type: 'linear',
    grid: { display: false },
    border: { color: gridColour(theme) },
    afterBuildTicks: axis => {
      const named = ticks();
      if (named) axis.ticks = named.map(({ value }) => ({ value }));
    },
    ticks: {
      color: theme.colours.dim,
      font: { family: theme.fontFamily },
      align: 'inner',
      maxRotation: 0,
      autoSkipPadding: 28,
      precision: 0,
      includeBounds: false,
      callback: value => label(Number(value)),
    },
  };
}

/** The value axis: quiet grid lines, no axis line. */
export function valueAxis(theme: Theme, format: (value: number) => string, logarithmic: boolean): Axis {
  return {
    type: logarithmic ? 'logarithmic' : 'linear',
    grid: { color: gridColour(theme), tickLength: 0 },
    border: { display: false },
    ticks: {
      color: theme.colours.dim,
      font: { family: theme.fontFamily },
      padding: 8,
      maxTicksLimit: 7,
      callback: value => format(Number(value)),
    },
  };
}

/** Grid lines stay behind the data; in high contrast the border colour is bright, so it is thinned. */
function gridColour(theme: Theme): string {
  return theme.highContrast ? withAlpha(theme.colours.line, 0.35) : theme.colours.line;
}

function zoomOptions(theme: Theme, onWindow: () => void): NonNullable<ChartOptions<'line'>['plugins']>['zoom'] {
  return {
    limits: { x: { min: 0, minRange: 4 } },
    pan: { enabled: true, mode: 'x', modifierKey: 'shift', onPan: onWindow },
    zoom: {
      mode: 'x',
      wheel: { enabled: true, modifierKey: 'ctrl', speed: 0.15 },
      pinch: { enabled: true },
      drag: {
        enabled: true,
        threshold: 6,
        backgroundColor: withAlpha(theme.colours.focus, 0.15),
        borderColor: withAlpha(theme.colours.focus, 0.7),
        borderWidth: 1,
      },
      onZoom: onWindow,
    },
  };
}
