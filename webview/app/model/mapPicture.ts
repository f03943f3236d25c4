import { cellLook, type CellLook, type MapModel } from './cells';
import { shortModule } from './importance';
import { scaleEnds } from './maps';
import type { Picture, Shape } from './picture';

export interface PictureColours {
  readonly card: string;
  readonly foreground: string;
  readonly dim: string;
  readonly line: string;
  readonly fontFamily: string;
}

/** The lines above the maps: what it is, what it means. */
export interface PictureText {
  readonly title: string;
  readonly notes: readonly string[];
  /** Below the maps, beside the colour scale. */
  readonly foot?: string;
}

const margin = 20;
const cellHeight = 28;
const gap = 2;
const mapGap = 36;

/** The maps of the card as a picture with title, labels, colour scale and a key of the marks. */
export function mapPicture(maps: readonly MapModel[], text: PictureText, colours: PictureColours): Picture {
  const head = headShapes(text, colours);
  const top = margin + 24 + 18 * text.notes.length + 26;
  let left = margin;
  const shapes: Shape[] = [...head];
  let bottom = top;
  for (const map of maps) {
    const drawn = mapShapes(map, left, top, colours);
    shapes.push(...drawn.shapes);
    left = drawn.right + mapGap;
    bottom = Math.max(bottom, drawn.bottom);
  }
  const foot = footShapes(maps[0], text.foot, bottom + 18, colours);
  const widest = Math.max(...head.map(shape => (shape.kind === 'text' ? textEnd(shape) : 0)), textEnd(foot.at(-1)));
  return {
    width: Math.ceil(Math.max(left - mapGap, widest) + margin),
    height: bottom + 18 + 20 + margin,
    title: text.title,
    background: colours.card,
    fontFamily: colours.fontFamily,
    shapes: [...shapes, ...foot],
  };
}

function headShapes({ title, notes }: PictureText, { foreground, dim }: PictureColours): Shape[] {
  return [
    { kind: 'text', x: margin, y: margin + 14, text: title, fill: foreground, size: 15, bold: true },
    ...notes.map((note, i): Shape => ({
      kind: 'text',
      x: margin,
      y: margin + 36 + 18 * i,
      text: note,
      fill: dim,
      size: 12,
    })),
  ];
}

interface Drawn {
  readonly shapes: readonly Shape[];
  readonly right: number;
  readonly bottom: number;
}

function mapShapes(map: MapModel, left: number, top: number, colours: PictureColours): Drawn {
  const { modules, blocks } = map.frame.table;
  const rows = modules.map(shortModule);
  const labelWidth = 10 + Math.max(...rows.map(row => textWidth(row, 12)), textWidth('block', 12));
  const wide = blocks.length <= 16 ? 46 : 30;
  const x = (column: number): number => left + labelWidth + column * (wide + gap);
  const y = (row: number): number => top + row * (cellHeight + gap);
  const label = { kind: 'text', fill: colours.dim, size: 12 } as const;
  const bottom = y(rows.length) + 16;
  const caption: Shape = { ...label, x: x(0), y: top - 9, text: map.name.replace(/^.*, (?=(from )?step)/, '') };
  const shapes = [
    { ...caption, fill: colours.foreground },
    ...rows.map((text, r): Shape => ({ ...label, x: x(0) - 8, y: y(r) + 18, text, anchor: 'end' })),
    { ...label, x: x(0) - 8, y: bottom, text: 'block', anchor: 'end' } as const,
    ...blocks.map((block, c): Shape => ({
      ...label,
      x: x(c) + wide / 2,
      y: bottom,
      text: String(block),
      anchor: 'middle',
    })),
    ...modules.flatMap((_, r) =>
      blocks.flatMap((_block, c) => cellShapes(cellLook(map, r, c), { x: x(c), y: y(r), wide }, colours)),
    ),
  ];
  return { shapes, right: x(blocks.length) - gap, bottom };
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly wide: number;
}

function cellShapes(look: CellLook, { x, y, wide }: Place, colours: PictureColours): Shape[] {
  const box = { kind: 'rect', x, y, width: wide, height: cellHeight, radius: 3 } as const;
  if (look.value === null) return [];
  const size = wide < 40 ? 9 : 11;
  const text = { kind: 'text', x: x + wide / 2, y: y + 18, text: look.text, size, anchor: 'middle' } as const;
  if (look.fate === 'dropped') {
    const frame = { ...box, x: x + 0.5, y: y + 0.5, width: wide - 1, height: cellHeight - 1 };
    return [
      { ...frame, stroke: colours.dim, dashed: true },
      { ...text, fill: colours.foreground },
    ];
  }
  const ink = look.ink ?? colours.foreground;
  return [
    { ...box, fill: look.background },
    { ...text, fill: ink },
    ...(look.fate === 'returned' ? [corner(x + wide, y, ink)] : []),
  ];
}

function corner(right: number, y: number, fill: string): Shape {
  return {
    kind: 'polygon',
    points: [
      [right - 10, y],
      [right, y],
      [right, y + 10],
    ],
    fill,
  };
}

const barWidth = 120;

/** The colour scale, the key of the marks if there are any, and a note. */
function footShapes(map: MapModel, note: string | undefined, y: number, colours: PictureColours): Shape[] {
  const [low, high] = scaleEnds(map);
  const label = { kind: 'text', fill: colours.dim, size: 12, y: y + 11 } as const;
  const start = margin + textWidth(low, 12) + 8;
  const slices = 30;
  const bar = Array.from({ length: slices }, (_, i): Shape => {
    const fill = map.colour(i / (slices - 1)).background;
    return {
      kind: 'rect',
      x: start + (i * barWidth) / slices,
      y: y + 2,
      width: barWidth / slices + 0.5,
      height: 10,
      fill,
    };
  });
  const shapes: Shape[] = [
    { ...label, x: margin, text: low },
    ...bar,
    { ...label, x: start + barWidth + 8, text: high },
  ];
  let x = start + barWidth + 8 + textWidth(high, 12) + 24;
  if (map.fates !== undefined) {
    const box = { kind: 'rect', y: y + 0.5, width: 15, height: 13, radius: 3 } as const;
    shapes.push({ ...box, x, stroke: colours.dim, dashed: true }, { ...label, x: x + 22, text: 'dropped' });
    x += 22 + textWidth('dropped', 12) + 16;
    shapes.push({ ...box, x, fill: colours.line }, corner(x + 15, y + 0.5, colours.foreground));
    shapes.push({ ...label, x: x + 22, text: 'kept again' });
    x += 22 + textWidth('kept again', 12) + 24;
  }
  if (note !== undefined) shapes.push({ ...label, x, text: note });
  return shapes;
}

/** A generous guess: fonts differ, and nothing may be cut off. */
export function textWidth(text: string, size: number): number {
  return text.length * size * 0.6;
}

function textEnd(shape: Shape | undefined): number {
  return shape?.kind === 'text' ? shape.x + textWidth(shape.text, shape.size) : 0;
}
