import type { ImportanceReport, TripletFate } from './events';

/** A fate as a line of the log has it: sensitivity, uncertainty, score, place, 1 if kept else 0. */
type Packed = readonly [number, number, number, number, 0 | 1];
type Cells<T> = readonly (readonly (readonly T[] | null)[])[];

/**
 * A report as it is written: the names of the five numbers would be most of a line with thousands of triplets, so each
 * triplet is a list of them.
 */
export function packTriplets<T extends ImportanceReport>(
  report: T,
): Omit<T, 'triplets'> & { triplets?: Cells<Packed> } {
  const { triplets, ...rest } = report;
  if (!triplets) return rest;
  const pack = (fate: TripletFate): Packed => {
    const { sensitivity, uncertainty, score, place, kept } = fate;
    return [sensitivity, uncertainty, score, place, kept ? 1 : 0];
  };
  return { ...rest, triplets: triplets.map(row => row.map(cell => cell && cell.map(pack))) };
}

/** The triplets of a line, or `undefined` when they are none. A number that JSON could not hold is NaN again. */
export function unpackTriplets(triplets: unknown): ImportanceReport['triplets'] {
  const cells = listOf(triplets, row => listOf(row, cell => (cell === null ? { fates: null } : fatesOf(cell))));
  return cells?.map(row => row.map(({ fates }) => fates));
}

function fatesOf(cell: unknown): { fates: readonly TripletFate[] } | undefined {
  const fates = listOf(cell, fateOf);
  return fates && { fates };
}

function fateOf(value: unknown): TripletFate | undefined {
  if (!Array.isArray(value) || value.length !== 5) return undefined;
  const numbers = value.map((one: unknown) => (one === null ? NaN : one));
  if (!numbers.every(one => typeof one === 'number')) return undefined;
  const [sensitivity, uncertainty, score, place, kept] = numbers;
  return { sensitivity, uncertainty, score, place, kept: kept === 1 };
}

/** Every item read; `undefined` when the value is no list or one item cannot be read. */
function listOf<T>(value: unknown, read: (item: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items: T[] = [];
  for (const item of value as unknown[]) {
    const one = read(item);
    if (one === undefined) return undefined;
    items.push(one);
  }
  return items;
}
