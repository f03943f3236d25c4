import type { Fate, FateMap } from './fates';
import { fateText } from './fates';
import { formatMetric } from './format';
import type { HeatRamp } from './heat';
import { formatCell, shareOf, type Cell, type Frame } from './importance';
import { metricText } from './metrics';

/** One map, ready to be drawn on the page or into a file. */
export interface MapModel {
  readonly frame: Frame;
  readonly extent: { readonly min: number; readonly max: number };
  readonly exponent: number;
  readonly colour: HeatRamp;
  readonly fates?: FateMap;
  /** The values are changes from one step to another. */
  readonly difference?: boolean;
  readonly name: string;
}

/** How one cell looks. A dropped adapter has no colour but a dashed frame; one that came back has a marked corner. */
export interface CellLook {
  readonly module: string;
  readonly block: number;
  readonly value: number | null;
  readonly text: string;
  readonly background?: string;
  readonly ink?: string;
  readonly fate?: Fate;
  /** For screen readers. */
  readonly label: string;
}

/** The look of the cell in a row and a column of the map's table. */
export function cellLook(map: MapModel, row: number, column: number): CellLook {
  const { modules, blocks, values } = map.frame.table;
  const [module, block] = [modules[row], blocks[column]];
  const value = values[row]?.[column] ?? null;
  const name = `${module}, block ${block}`;
  if (value === null) return { module, block, value, text: '', label: `${name}: no adapter` };
  const known = map.fates?.of(module, block);
  const label = `${name}: ${valueText(map, value)}${known === undefined ? '' : `, ${fateText(known)}`}`;
  const text = shortText(map, value);
  if (known?.fate === 'dropped') return { module, block, value, text, fate: 'dropped', label };
  return { module, block, value, text, ...map.colour(shareOf(value, map.extent)), fate: known?.fate, label };
}

/** The number in full, with its sign if it is a change. */
export function valueText({ difference, frame }: MapModel, value: number): string {
  const text = metricText(frame.table.metric).whole ? String(value) : formatMetric(value);
  return difference ? signed(value, text) : text;
}

/** The cell at the top left that has a value, where the keyboard enters a map without a selection. */
export function firstCell({ table }: Frame): Cell | undefined {
  for (const [r, row] of table.values.entries()) {
    const c = row.findIndex(value => value !== null);
    if (c >= 0) return { module: table.modules[r], block: table.blocks[c] };
  }
  return undefined;
}

function shortText({ difference, exponent, frame }: MapModel, value: number): string {
  const whole = value === 0 || metricText(frame.table.metric).whole;
  const text = whole ? String(Math.round(value)) : formatCell(value, exponent);
  return difference ? signed(value, text) : text;
}

/** With a sign in front, the minus a real one. */
function signed(value: number, text: string): string {
  return value > 0 ? `+${text}` : text.replace(/^-/, '−');
}
