/** Shown where a value does not exist yet. */
export const absent = '–';

/** Losses and norms: enough digits to see a change, never more than needed (`4.812`, `12.35`, `0.0123`, `1.2e-5`). */
export function formatMetric(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return value === undefined ? absent : String(value);
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2);
  if (size >= 100) return value.toFixed(1);
  if (size >= 10) return value.toFixed(2);
  return size >= 0.1 ? value.toFixed(3) : value.toPrecision(3);
}

/** Axis labels: as few digits as tell neighbours apart (`2.5`, `0.08`, `1.2e-5`). */
export function formatTick(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1).replace('.0e', 'e');
  return String(Number(value.toPrecision(4)));
}

/** Learning rates: `1e-3`, `8.4e-4`. */
export function formatRate(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return absent;
  if (value === 0) return '0';
  if (value >= 0.1) return String(Number(value.toPrecision(2)));
  return value.toExponential(1).replace('.0e', 'e');
}

const binaryUnits = ['KiB', 'MiB', 'GiB', 'TiB'] as const;

/** The binary unit that suits `bytes`, for axes on which all labels share one. */
export function byteUnit(bytes: number): { readonly name: string; readonly size: number } {
  const power = Math.min(4, Math.max(1, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return { name: binaryUnits[power - 1], size: 1024 ** power };
}

/** Bytes in binary units with three figures: `9.10 MiB`, `512 B`, `0`. */
export function formatBytes(bytes: number): string {
  if (bytes === 0) return '0';
  if (Math.abs(bytes) < 1024) return `${Math.round(bytes)} B`;
  let value = bytes / 1024;
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < binaryUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(digitsAfterPoint(value))} ${binaryUnits[unit]}`;
}

function digitsAfterPoint(value: number): number {
  const size = Math.abs(value);
  if (size >= 100) return 0;
  return size >= 10 ? 1 : 2;
}

/** The exact count, for a title: `9,541,888 bytes`. */
export function formatExactBytes(bytes: number): string {
  return `${bytes.toLocaleString('en-US')} bytes`;
}

/** Counts: `9,912`, `1.18 M`, `2.4 B`. */
export function formatCount(value: number): string {
  if (value < 100_000) return Math.round(value).toLocaleString('en-US');
  const [scale, unit] = value < 1e6 ? [1e3, 'k'] : value < 1e9 ? [1e6, 'M'] : [1e9, 'B'];
  return `${Number((value / scale).toPrecision(3))} ${unit}`;
}

/** A share in percent: `1.2 %`, `100 %`. */
export function formatPercent(share: number): string {
  const percent = share * 100;
  return `${percent >= 10 || percent === 0 ? Math.round(percent) : Number(percent.toPrecision(2))} %`;
}

/** Clock-like durations: `0:42`, `12:05`, `1:02:33`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** Times of a step: `480 ms`, `2.04 s`. */
export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds > 0 && milliseconds < 10) return `${Number(milliseconds.toPrecision(2))} ms`;
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}

/** Tokens a second without false precision: `812`, `9.4`, `12,300`. */
export function formatSpeed(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return absent;
  if (value < 10) return value.toFixed(1);
  return Number(value.toPrecision(3)).toLocaleString('en-US');
}
