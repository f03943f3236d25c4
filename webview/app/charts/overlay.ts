import type { Chart } from 'chart.js';
import type { Mark } from './lineOptions';
import { withAlpha, type ColourName, type Theme } from './theme';

/** One value at the cursor. */
export interface Reading {
  readonly label: string;
  /** Of its swatch and dot; none without it. */
  readonly colour?: ColourName;
  /** Where its dot goes; none without it. */
  readonly value?: number;
  readonly text: string;
}

type LineChart = Pick<Chart<'line'>, 'ctx' | 'chartArea' | 'scales'>;

const labelGap = 6;

/** Dashed vertical lines at steps. */
export function drawMarks(chart: LineChart, marks: readonly Mark[], theme: Theme): void {
  const { ctx, chartArea, scales } = chart;
  ctx.save();
  ctx.lineWidth = 1;
  ctx.setLineDash([2, 3]);
  for (const { step, label } of marks) {
    if (step < scales.x.min || step > scales.x.max) continue;
    const x = Math.round(scales.x.getPixelForValue(step)) + 0.5;
    ctx.strokeStyle = withAlpha(theme.colours.dim, label === undefined ? 0.4 : 0.9);
    line(ctx, x, chartArea);
  }
  ctx.restore();
}

/** The labels of marks, on top of the data: beside their lines, on the side where there is room. */
export function drawMarkLabels(chart: LineChart, marks: readonly Mark[], theme: Theme): void {
  const { ctx, chartArea, scales } = chart;
  ctx.save();
  ctx.font = `11px ${theme.fontFamily}`;
  ctx.textBaseline = 'top';
  ctx.lineJoin = 'round';
  ctx.lineWidth = 3;
  ctx.strokeStyle = theme.colours.card;
  ctx.fillStyle = theme.colours.foreground;
  for (const { step, label } of marks) {
    if (label === undefined || step < scales.x.min || step > scales.x.max) continue;
    const x = Math.round(scales.x.getPixelForValue(step)) + 0.5;
    const fits = x + labelGap + ctx.measureText(label).width <= chartArea.right;
    ctx.textAlign = fits ? 'left' : 'right';
    const place = [fits ? x + labelGap : x - labelGap, chartArea.top + 2] as const;
    ctx.strokeText(label, ...place);
    ctx.fillText(label, ...place);
  }
  ctx.restore();
}

/** The cursor's line and a dot on each reading. */
export function drawCursor(chart: LineChart, step: number, readings: readonly Reading[], theme: Theme): void {
  const { ctx, chartArea, scales } = chart;
  if (step < scales.x.min || step > scales.x.max) return;
  const x = Math.round(scales.x.getPixelForValue(step)) + 0.5;
  ctx.save();
  ctx.lineWidth = 1;
  ctx.strokeStyle = withAlpha(theme.colours.foreground, 0.55);
  line(ctx, x, chartArea);
  ctx.strokeStyle = theme.colours.card;
  for (const { value, colour } of readings) {
    if (value === undefined || colour === undefined) continue;
    ctx.beginPath();
    ctx.arc(x, scales.y.getPixelForValue(value), 3.5, 0, 2 * Math.PI);
    ctx.fillStyle = theme.colours[colour];
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
}

function line(ctx: CanvasRenderingContext2D, x: number, { top, bottom }: { top: number; bottom: number }): void {
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, bottom);
  ctx.stroke();
}
