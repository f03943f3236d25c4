/** Half-open range of UTF-16 offsets into the config text. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** Keys and list indices from the root, e.g. `['method', 'r']`. */
export type ConfigPath = readonly (string | number)[];

/** `['samples','prompts',0]` → `samples.prompts[0]`. */
export function pathText(path: ConfigPath): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === 'number') return `${text}[${segment}]`;
    return text === '' ? segment : `${text}.${segment}`;
  }, '');
}
