import type { WayTimes } from '../../webview/engine/generate/compareWays';

const width = 720;
const height = 400;
const plot = { left: 70, right: 560, top: 84, bottom: 336 };
/** On the card's own white; told apart by lightness too. */
const colors = { cached: '#1d4ed8', full: '#c2410c' };

/**
 * The two curves of time per token against length as an SVG with a background of its own, so that it reads the same on
 * a light and a dark page. `times` must not be empty, ordered by length.
 */
export function cacheChart(times: readonly WayTimes[], title: string, note: string): string {
  const last = times[times.length - 1];
  const steps = { x: niceStep(last.length / 6), y: niceStep(Math.max(...times.map(highest)) / 5) };
  const ends = { x: last.length, y: steps.y * Math.ceil(Math.max(...times.map(highest)) / steps.y) };
  const x = (length: number) => plot.left + ((plot.right - plot.left) * length) / ends.x;
  const y = (ms: number) => plot.bottom - ((plot.bottom - plot.top) * ms) / ends.y;
  const curve = (color: string, of: (time: WayTimes) => number) =>
    `<polyline fill="none" stroke="${color}" stroke-width="2.5" stroke-linejoin="round" points="${times
      .map(time => `${round(x(time.length))},${round(y(of(time)))}`)
      .join(' ')}"/>${times
      .map(time => `<circle cx="${round(x(time.length))}" cy="${round(y(of(time)))}" r="3" fill="${color}"/>`)
      .join('')}`;
  const [cachedEnd, fullEnd] = apart(y(last.cachedMs), y(last.fullMs));
  const legend = (at: number, color: string, name: string, ms: number) =>
    `<text x="${plot.right + 14}" y="${round(at)}" fill="${color}" font-weight="600">${name}</text>
<text x="${plot.right + 14}" y="${round(at + 17)}" fill="${color}">${ms.toFixed(1)} ms at ${last.length}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" \
font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="13" role="img" aria-label="${escape(title)}">
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="#ffffff" stroke="#d0d7de"/>
<text x="24" y="34" font-size="17" font-weight="600" fill="#1f2328">${escape(title)}</text>
<text x="24" y="56" fill="#59636e">${escape(note)}</text>
${ticks(ends.y, steps.y)
  .map(ms => horizontal(y(ms), ms))
  .join('\n')}
${ticks(ends.x, steps.x)
  .map(length => vertical(x(length), length))
  .join('\n')}
<line x1="${plot.left}" x2="${plot.right}" y1="${plot.bottom}" y2="${plot.bottom}" stroke="#59636e"/>
<text x="${(plot.left + plot.right) / 2}" y="${plot.bottom + 44}" text-anchor="middle" fill="#1f2328">tokens in the text</text>
<text transform="translate(22 ${(plot.top + plot.bottom) / 2}) rotate(-90)" text-anchor="middle" fill="#1f2328">milliseconds per token</text>
${curve(colors.full, time => time.fullMs)}
${curve(colors.cached, time => time.cachedMs)}
${legend(fullEnd, colors.full, 'without cache', last.fullMs)}
${legend(cachedEnd, colors.cached, 'with KV cache', last.cachedMs)}
</svg>
`;
}

function horizontal(at: number, ms: number): string {
  const y = round(at);
  return `<line x1="${plot.left}" x2="${plot.right}" y1="${y}" y2="${y}" stroke="#e4e8ec"/>
<text x="${plot.left - 10}" y="${round(at + 4.5)}" text-anchor="end" fill="#59636e">${ms}</text>`;
}

function vertical(at: number, length: number): string {
  return `<text x="${round(at)}" y="${plot.bottom + 20}" text-anchor="middle" fill="#59636e">${length}</text>`;
}

const highest = ({ cachedMs, fullMs }: WayTimes) => Math.max(cachedMs, fullMs);

const round = (value: number) => Math.round(value * 10) / 10;

/** The smallest of 1, 2 and 5 times a power of ten that is at least `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-3)));
  return ([1, 2, 5].find(factor => factor * power >= least) ?? 10) * power;
}

function ticks(end: number, step: number): number[] {
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}

/** Baselines of the two labels: at their curves' ends, but never over each other. */
function apart(cached: number, full: number): readonly [number, number] {
  const gap = 42;
  const lower = Math.max(cached, full);
  const upper = Math.min(Math.min(cached, full), lower - gap);
  return cached >= full ? [lower, upper] : [upper, lower];
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`);
}
