import type { Chart } from 'chart.js';
import { withAlpha, type Theme } from '../charts/theme';
import type { Point } from '../model/loss';
import type { ScatterModel, ScatterPoint } from './scatter';

type Drawn = Pick<Chart<'line'>, 'ctx' | 'chartArea' | 'scales'>;

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The front as the stairs it is: between two of its points nothing better than the cheaper one can be had. */
export function drawFront({ ctx, scales, chartArea }: Drawn, front: readonly Point[], theme: Theme): void {
  if (front.length === 0) return;
  const at = ({ x, y }: Point): [number, number] => [scales.x.getPixelForValue(x), scales.y.getPixelForValue(y)];
  ctx.save();
  ctx.strokeStyle = withAlpha(theme.colours.foreground, 0.45);
  ctx.lineWidth = 1.25;
  ctx.beginPath();
  const [startX] = at(front[0]);
  ctx.moveTo(startX, chartArea.top);
  let [, level] = [0, chartArea.top];
  for (const point of front) {
    const [x, y] = at(point);
    ctx.lineTo(x, level);
    ctx.lineTo(x, y);
    level = y;
  }
  ctx.lineTo(chartArea.right, level);
  ctx.stroke();
  ctx.restore();
}

/** A quiet line from point to point. */
export function drawPath({ ctx, scales }: Drawn, path: readonly Point[], theme: Theme): void {
  ctx.save();
  ctx.strokeStyle = withAlpha(theme.colours.foreground, 0.45);
  ctx.lineWidth = 1.25;
  ctx.beginPath();
  for (const { x, y } of path) ctx.lineTo(scales.x.getPixelForValue(x), scales.y.getPixelForValue(y));
  ctx.stroke();
  ctx.restore();
}

/** A dashed level with its name at the right end. */
export function drawBaseline(chart: Drawn, { y, label }: NonNullable<ScatterModel['baseline']>, theme: Theme): void {
  const { ctx, scales, chartArea } = chart;
  if (y < scales.y.min || y > scales.y.max) return;
  const level = Math.round(scales.y.getPixelForValue(y)) + 0.5;
  ctx.save();
  ctx.strokeStyle = theme.colours.dim;
  ctx.setLineDash([3, 3]);
  ctx.beginPath();
  ctx.moveTo(chartArea.left, level);
  ctx.lineTo(chartArea.right, level);
  ctx.stroke();
  ctx.font = `11px ${theme.fontFamily}`;
  ctx.fillStyle = theme.colours.dim;
  ctx.textAlign = 'right';
  ctx.textBaseline = 'bottom';
  ctx.fillText(label, chartArea.right, level - 2);
  ctx.restore();
}

/** 95 % intervals as bars with caps. */
export function drawIntervals({ ctx, scales }: Drawn, points: readonly ScatterPoint[], theme: Theme): void {
  ctx.save();
  ctx.lineWidth = 1.25;
  for (const { x, y, half, colour } of points) {
    if (half === undefined) continue;
    const px = Math.round(scales.x.getPixelForValue(x)) + 0.5;
    const [high, low] = [y + half, y - half].map(value => scales.y.getPixelForValue(value));
    ctx.strokeStyle = theme.colours[colour];
    ctx.beginPath();
    ctx.moveTo(px, high);
    ctx.lineTo(px, low);
    for (const end of [high, low]) {
      ctx.moveTo(px - 4, end);
      ctx.lineTo(px + 4, end);
    }
    ctx.stroke();
  }
  ctx.restore();
}

/** Names beside their points, where there is room; those of the front in the full foreground. */
export function drawLabels({ ctx, scales, chartArea }: Drawn, points: readonly ScatterPoint[], theme: Theme): void {
  ctx.save();
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  // A rim in the colour of the card keeps lines behind a name from striking it through.
  ctx.lineWidth = 4;
  ctx.lineJoin = 'round';
  ctx.strokeStyle = theme.colours.card;
  const dots = points.map(({ x, y }) => {
    const [px, py] = [scales.x.getPixelForValue(x), scales.y.getPixelForValue(y)];
    return { left: px - 6, right: px + 6, top: py - 6, bottom: py + 6 };
  });
  const placed: Box[] = [];
  points.forEach(({ label, onFront }, i) => {
    ctx.font = `${onFront ? '600 ' : ''}11px ${theme.fontFamily}`;
    const width = ctx.measureText(label).width;
    const others = [...dots.filter((_, other) => other !== i), ...placed];
    const box = places(dots[i], width).find(one => fits(one, chartArea, others));
    if (box === undefined) return;
    placed.push(box);
    ctx.strokeText(label, box.left, (box.top + box.bottom) / 2);
    ctx.fillStyle = onFront ? theme.colours.foreground : theme.colours.dim;
    ctx.fillText(label, box.left, (box.top + box.bottom) / 2);
  });
  ctx.restore();
}

/** The point that is read. */
export function drawRing({ ctx, scales }: Drawn, { x, y }: ScatterPoint, theme: Theme): void {
  ctx.save();
  ctx.strokeStyle = theme.colours.foreground;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.arc(scales.x.getPixelForValue(x), scales.y.getPixelForValue(y), 10, 0, 2 * Math.PI);
  ctx.stroke();
  ctx.restore();
}

/** Right, left, above and below of a dot, then the four corners. */
function places(dot: Box, width: number): Box[] {
  const [x, y] = [(dot.left + dot.right) / 2, (dot.top + dot.bottom) / 2];
  const at = (left: number, middle: number): Box => ({
    left,
    right: left + width,
    top: middle - 7,
    bottom: middle + 7,
  });
  const [right, left, centre] = [x + 10, x - 10 - width, x - width / 2];
  return [
    at(right, y),
    at(left, y),
    at(centre, y - 16),
    at(centre, y + 16),
    at(right, y - 12),
    at(right, y + 12),
    at(left, y - 12),
    at(left, y + 12),
  ];
}

function fits(box: Box, area: Box, others: readonly Box[]): boolean {
  const isInside =
    box.left >= area.left && box.right <= area.right + 10 && box.top >= area.top - 8 && box.bottom <= area.bottom;
  return (
    isInside && !others.some(o => box.left < o.right && box.right > o.left && box.top < o.bottom && box.bottom > o.top)
  );
}
