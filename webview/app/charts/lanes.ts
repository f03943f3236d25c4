import type { Chart } from 'chart.js';
import type { Arrow, Band } from './lineOptions';
import { withAlpha, type Theme } from './theme';

/** What is drawn in lanes above a chart; the shading of bands goes on below, behind the data. */
export interface Lanes {
  readonly bands: readonly Band[];
  readonly arrows: readonly Arrow[];
}

type LineChart = Pick<Chart<'line'>, 'ctx' | 'chartArea' | 'scales'>;

const bandHeight = 14;
const arrowHeight = 8;
const arrowWidth = 9;
const gap = 3;

/** Pixels that the lanes take above the chart. */
export function lanesHeight({ bands, arrows }: Lanes): number {
  return (bands.length > 0 ? bandHeight + gap : 0) + (arrows.length > 0 ? arrowHeight + gap : 0);
}

/** Bands in the upper lane, arrows in the one right above the chart. */
export function drawLanes(chart: LineChart, lanes: Lanes, theme: Theme): void {
  const { ctx, chartArea } = chart;
  ctx.save();
  ctx.font = `10px ${theme.fontFamily}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  const top = chartArea.top - lanesHeight(lanes);
  for (const band of lanes.bands) drawBand(chart, band, top, theme);
  ctx.fillStyle = theme.colours.foreground;
  for (const arrow of lanes.arrows) drawArrow(chart, arrow, isBeside(arrow, lanes.arrows));
  ctx.restore();
}

function drawBand({ ctx, chartArea, scales }: LineChart, { from, to, label }: Band, top: number, theme: Theme): void {
  const left = scales.x.getPixelForValue(from);
  const width = Math.max(1, scales.x.getPixelForValue(to) - left);
  const { foreground } = theme.colours;
  ctx.fillStyle = withAlpha(foreground, 0.08);
  ctx.fillRect(left, top + bandHeight, width, chartArea.bottom - top - bandHeight);
  ctx.fillStyle = withAlpha(foreground, 0.16);
  ctx.fillRect(left, top, width, bandHeight);
  ctx.strokeStyle = withAlpha(foreground, 0.45);
  ctx.lineWidth = 1;
  ctx.strokeRect(Math.round(left) + 0.5, Math.round(top) + 0.5, Math.max(1, Math.round(width) - 1), bandHeight - 1);
  const short = label.replace(/^block /, '');
  const text = [label, short].find(one => ctx.measureText(one).width + 4 <= width);
  if (text === undefined) return;
  ctx.fillStyle = foreground;
  ctx.fillText(text, left + width / 2, top + bandHeight / 2 + 0.5);
}

/** Whether a way down shares its place with a way up, which stays where it is. */
function isBeside({ step, direction }: Arrow, arrows: readonly Arrow[]): boolean {
  return direction === 'down' && arrows.some(other => other.step === step && other.direction === 'up');
}

function drawArrow({ ctx, chartArea, scales }: LineChart, { step, direction }: Arrow, beside: boolean): void {
  const x = scales.x.getPixelForValue(step) - (beside ? arrowWidth : 0);
  const bottom = chartArea.top - gap;
  const [base, tip] = direction === 'up' ? [bottom, bottom - arrowHeight] : [bottom - arrowHeight, bottom];
  ctx.beginPath();
  ctx.moveTo(x, tip);
  ctx.lineTo(x + arrowWidth / 2, base);
  ctx.lineTo(x - arrowWidth / 2, base);
  ctx.closePath();
  ctx.fill();
}
