/** Red, green, blue from 0 to 1 in sRGB. */
export type Rgb = readonly [number, number, number];

/** Reads `#rgb`, `#rrggbb`, `#rrggbbaa`, `rgb(…)`, `rgba(…)`, `color(srgb …)`; alpha is dropped. Anything else is mid-grey. */
export function parseColour(text: string): Rgb {
  const hex = /^#([0-9a-f]{3,8})$/i.exec(text.trim())?.[1];
  if (hex !== undefined) {
    const wide = hex.length < 6 ? [...hex].map(digit => digit + digit).join('') : hex;
    return [0, 2, 4].map(at => parseInt(wide.slice(at, at + 2), 16) / 255) as [number, number, number];
  }
  const match = /^(rgba?|color)\((?:srgb )?([^)]*)\)$/i.exec(text.trim());
  const parts = match?.[2].split(/[\s,/]+/).map(Number) ?? [];
  if (parts.length < 3 || parts.some(Number.isNaN)) return [0.5, 0.5, 0.5];
  const scale = match?.[1].toLowerCase() === 'color' ? 1 : 255;
  return [parts[0] / scale, parts[1] / scale, parts[2] / scale];
}

export interface HeatColour {
  readonly background: string;
  /** Readable on the background: a contrast of at least 4.5. */
  readonly ink: string;
}

/** Colours for shares from 0 to 1. */
export type HeatRamp = (share: number) => HeatColour;

const faintest = 0.07;
const readable = 4.5;

/**
 * A colour ramp from `base` (the card) to `peak`, even to the eye because it is mixed in OKLab
 * (B. Ottosson, "A perceptual color space for image processing", 2020). `inks` in order of preference.
 */
export function heatRamp(base: string, peak: string, inks: readonly [string, string]): HeatRamp {
  const low = toOklab(parseColour(base));
  const high = toOklab(parseColour(peak));
  return share => {
    const t = faintest + (1 - faintest) * share;
    const rgb = fromOklab(low.map((value, i) => value + (high[i] - value) * t) as [number, number, number]);
    const bytes = rgb.map(value => Math.round(value * 255)) as [number, number, number];
    return { background: `rgb(${bytes.join(' ')})`, ink: inkOn(toUnit(bytes), inks) };
  };
}

/** For differences: shares below one half run from `base` to `peaks[0]`, those above to `peaks[1]`. */
export function divergingRamp(
  base: string,
  peaks: readonly [string, string],
  inks: readonly [string, string],
): HeatRamp {
  const [down, up] = peaks.map(peak => heatRamp(base, peak, inks));
  return share => (share < 0.5 ? down(1 - 2 * share) : up(2 * share - 1));
}

function toUnit([r, g, b]: Rgb): Rgb {
  return [r / 255, g / 255, b / 255];
}

/** The better of the two inks if it can be read, else black or white, one of which always can. */
function inkOn(background: Rgb, inks: readonly [string, string]): string {
  const best = (candidates: readonly [string, string]): [string, number] => {
    const [first, second] = candidates.map(ink => contrast(background, parseColour(ink)));
    return first >= second ? [candidates[0], first] : [candidates[1], second];
  };
  const [ink, reached] = best(inks);
  return reached >= readable ? ink : best(['#000000', '#ffffff'])[0];
}

/** Contrast ratio of two colours as WCAG 2 defines it, 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map(toLinear);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function toLinear(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function fromLinear(value: number): number {
  const clamped = Math.min(1, Math.max(0, value));
  return clamped <= 0.0031308 ? clamped * 12.92 : 1.055 * clamped ** (1 / 2.4) - 0.055;
}

function toOklab(colour: Rgb): readonly [number, number, number] {
  const [r, g, b] = colour.map(toLinear);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromOklab([lightness, a, b]: readonly [number, number, number]): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    fromLinear(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    fromLinear(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    fromLinear(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}
