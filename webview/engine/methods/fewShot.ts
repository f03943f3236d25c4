import type { Method } from './method';
import { plainMethod } from './plain';

/** Few-shot prompting: the base model as it is. The result is the text of each draw's shots, to put before a prompt. */
export function fewShotMethod(texts: readonly string[]): Method {
  return {
    ...plainMethod(),
    type: 'few-shot',
    exportFiles: () =>
      Object.fromEntries(texts.map((text, draw) => [`shots-${draw + 1}.txt`, new TextEncoder().encode(text)])),
  };
}
