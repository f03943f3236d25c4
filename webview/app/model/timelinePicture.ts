import type { MemoryCategory, Timeline } from '../../../src/common/run/events';
import { byteUnit, formatBytes, formatTick } from './format';
import { textWidth, type PictureColours } from './mapPicture';
import { categoryLabel } from './memory';
import type { Picture, Shape } from './picture';
import { timelineModel, timelineSubtitle } from './timeline';
import { recomputed } from './timelineMarks';

export interface TimelineColours extends PictureColours {
  readonly category: (category: MemoryCategory) => string;
}

const width = 1000;
const left = 84;
const right = width - 20;
const laneTop = 76;
const top = 112;
const bottom = 332;
const small = 12;

/** The memory of a step as a picture: stacked areas, lanes of what runs again and what moves, the peak, a key. */
export function timelinePicture(timeline: Timeline, name: string, colours: TimelineColours): Picture {
  const model = timelineModel(timeline, (right - left) / 2);
  const last = Math.max(1, timeline.points.length - 1);
  const x = (index: number): number => round(left + ((right - left) * index) / last);
  const unit = byteUnit(timeline.peak.bytes);
  const ticks = ticksFor(timeline.peak.bytes / unit.size);
  const y = (bytes: number): number => round(bottom - ((bottom - top) * bytes) / ((ticks.at(-1) ?? 1) * unit.size));
  const title = `${name}: memory within a step`;
  const text = { kind: 'text', fill: colours.dim, size: small } as const;
  const peak = x(timeline.peak.index);
  const peakText = `peak ${formatBytes(timeline.peak.bytes)}`;
  const anchor = peak + textWidth(peakText, small) + 16 > right ? 'end' : 'start';
  const shapes: Shape[] = [
    { ...text, x: 20, y: 34, text: title, fill: colours.foreground, size: 15, bold: true },
    { ...text, x: 20, y: 56, text: timelineSubtitle(timeline) },
    ...ticks.flatMap((tick): Shape[] => [
      rule(left, y(tick * unit.size), right, colours.line),
      { ...text, x: left - 8, y: y(tick * unit.size) + 4, text: `${formatTick(tick)} ${unit.name}`, anchor: 'end' },
    ]),
    ...bandShapes(timeline, x, colours),
    ...areaShapes(model, x, y, colours),
    ...arrowShapes(timeline, x, colours),
    { kind: 'rect', x: peak, y: top, width: 0.5, height: bottom - top, stroke: colours.foreground, dashed: true },
    {
      ...text,
      x: anchor === 'end' ? peak - 6 : peak + 6,
      y: top + 12,
      text: peakText,
      fill: colours.foreground,
      anchor,
    },
    ...model.phases.map(({ phase, from, to }): Shape => ({
      ...text,
      x: Math.min((x(from) + x(to)) / 2, right - textWidth(phase, small) / 2),
      y: bottom + 20,
      text: phase,
      anchor: 'middle',
    })),
    ...keyShapes(
      timeline,
      model.bands.map(({ category }) => category),
      colours,
    ),
  ];
  return {
    width,
    height: Math.max(...shapes.map(shape => (shape.kind === 'text' ? shape.y : 0))) + 16,
    title,
    background: colours.card,
    fontFamily: colours.fontFamily,
    shapes,
  };
}

type Scale = (value: number) => number;

/** Each band as a polygon of steps: memory changes at a dispatch, not between two. */
function areaShapes(
  { indices, bands }: ReturnType<typeof timelineModel>,
  x: Scale,
  y: Scale,
  colours: TimelineColours,
): Shape[] {
  let floor = indices.map(() => 0);
  return bands.map(({ category, bytes }): Shape => {
    const ceiling = floor.map((value, i) => value + bytes[i]);
    const edge = (values: readonly number[]): [number, number][] =>
      indices.flatMap((index, i): [number, number][] => [
        ...(i === 0 ? [] : [[x(index), y(values[i - 1])] as [number, number]]),
        [x(index), y(values[i])],
      ]);
    const points = [...edge(ceiling), ...edge(floor).reverse()];
    floor = ceiling;
    return { kind: 'polygon', points, fill: colours.category(category) };
  });
}

function bandShapes(timeline: Timeline, x: Scale, { foreground, dim, line }: TimelineColours): Shape[] {
  return recomputed(timeline).flatMap(({ from, to, label }): Shape[] => {
    const wide = Math.max(1, x(to) - x(from));
    const text = [label, label.replace(/^block /, '')].find(one => textWidth(one, 10) + 4 <= wide);
    return [
      { kind: 'rect', x: x(from), y: laneTop, width: wide, height: bottom - laneTop, stroke: line },
      { kind: 'rect', x: x(from), y: laneTop, width: wide, height: 15, stroke: dim },
      ...(text === undefined
        ? []
        : [
            {
              kind: 'text',
              x: x(from) + wide / 2,
              y: laneTop + 11,
              text,
              fill: foreground,
              size: 10,
              anchor: 'middle',
            } as const,
          ]),
    ];
  });
}

function arrowShapes({ transfers = [] }: Timeline, x: Scale, { foreground }: TimelineColours): Shape[] {
  return transfers.map(({ index, direction }) => arrow(x(index), top - 5, direction, foreground));
}

function arrow(at: number, foot: number, direction: 'up' | 'down', fill: string): Shape {
  const [base, tip] = direction === 'up' ? [foot, foot - 8] : [foot - 8, foot];
  return {
    kind: 'polygon',
    points: [
      [at, tip],
      [at + 4.5, base],
      [at - 4.5, base],
    ],
    fill,
  };
}

/** The key below the chart, in as many lines as it takes. */
function keyShapes(timeline: Timeline, categories: readonly MemoryCategory[], colours: TimelineColours): Shape[] {
  const directions = new Set(timeline.transfers?.map(({ direction }) => direction));
  const box = { kind: 'rect', width: 10, height: 10, radius: 2 } as const;
  type Mark = (x: number, foot: number) => Shape;
  const entries: (readonly [string, Mark])[] = categories.map(category => [
    categoryLabel(category),
    (x, foot) => ({ ...box, x, y: foot - 9, fill: colours.category(category) }),
  ]);
  if (recomputed(timeline).length > 0)
    entries.push(['runs again', (x, foot) => ({ ...box, x, y: foot - 9, stroke: colours.dim })]);
  if (directions.has('up')) entries.push(['to the GPU', (x, foot) => arrow(x + 5, foot, 'up', colours.foreground)]);
  if (directions.has('down'))
    entries.push(['to the host', (x, foot) => arrow(x + 5, foot, 'down', colours.foreground)]);
  let at = left;
  let foot = bottom + 46;
  return entries.flatMap(([text, mark]): Shape[] => {
    const size = 15 + textWidth(text, small);
    if (at + size > right) [at, foot] = [left, foot + 20];
    const shapes: Shape[] = [
      mark(at, foot),
      { kind: 'text', x: at + 15, y: foot, text, fill: colours.dim, size: small },
    ];
    at += size + 14;
    return shapes;
  });
}

function rule(from: number, y: number, to: number, fill: string): Shape {
  return { kind: 'rect', x: from, y, width: to - from, height: 1, fill };
}

/** From zero up past `most` in at most six even steps of 1, 2 or 5 times a power of ten. */
function ticksFor(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 1e-9) / 5));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => most / size <= 5) ?? 10 * power;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
