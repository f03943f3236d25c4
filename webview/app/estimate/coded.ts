import { h, type Child } from '../dom';

/** Text in which what stands between backticks is code. */
export function coded(text: string): Child[] {
  return text.split('`').map((part, i) => (i % 2 === 1 ? h('code', {}, part) : part));
}
