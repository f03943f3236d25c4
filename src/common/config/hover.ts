import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { keyAt, type KeyInfo } from './keys';
import { asNode, keyOf, nodeRange } from './locate';
import { methodTypeOf, show, valueAt } from './issues';
import type { ParsedConfig } from './parse';
import { pathText, type ConfigPath, type TextRange } from './range';

export interface ConfigHover {
  readonly range: TextRange;
  readonly path: ConfigPath;
  readonly markdown: string;
}

/** What to show for the key or value at `offset`; undefined where there is none. */
export function hoverAt(parsed: ParsedConfig, offset: number): ConfigHover | undefined {
  if (parsed.document === undefined) return undefined;
  const spot = spotAt(parsed.document.contents, { text: parsed.text, offset, path: [] });
  if (spot === undefined) return undefined;
  const method = methodTypeOf(parsed.raw);
  const path = spot.path.filter(segment => typeof segment === 'string');
  const known = keyAt(path, method) ?? keyAt(path.slice(0, -1), method);
  if (known === undefined) return undefined;
  return { range: spot.range, path: spot.path, markdown: keyMarkdown(known, { path, raw: parsed.raw }) };
}

interface Spot {
  readonly path: ConfigPath;
  readonly range: TextRange;
}

interface Search {
  readonly text: string;
  readonly offset: number;
  readonly path: ConfigPath;
}

/** The innermost key or plain value that covers the offset. */
function spotAt(node: Node | null, search: Search): Spot | undefined {
  const { text, offset, path } = search;
  const covers = (range: TextRange | undefined) => range !== undefined && range.start <= offset && offset <= range.end;
  if (isMap(node)) {
    for (const pair of node.items) {
      const inner = { ...search, path: [...path, keyOf(pair)] };
      const key = nodeRange(text, asNode(pair.key));
      if (key !== undefined && covers(key)) return { path: inner.path, range: key };
      const value = asNode(pair.value);
      if (covers(nodeRange(text, value))) return spotAt(value, inner);
    }
    return undefined;
  }
  if (isSeq(node)) {
    const index = node.items.findIndex(item => covers(nodeRange(text, asNode(item))));
    return index < 0 ? undefined : spotAt(asNode(node.items[index]), { ...search, path: [...path, index] });
  }
  const range = nodeRange(text, node);
  return isScalar(node) && range !== undefined && covers(range) && path.length > 0 ? { path, range } : undefined;
}

/** The help of a key: what it must be, what it is, when to change it. */
export function keyMarkdown(info: KeyInfo, at?: { readonly path: ConfigPath; readonly raw?: unknown }): string {
  const title = at === undefined ? info.name : pathText(at.path);
  const facts = [info.expected];
  if (info.required) facts.push('required');
  else if (info.default !== undefined && info.shape !== 'map') facts.push(`default \`${show(info.default)}\``);
  const written = at?.raw === undefined ? undefined : valueAt(at.raw, at.path);
  const isDefault = written === undefined || JSON.stringify(written) === JSON.stringify(info.default);
  const lines = [
    `**\`${title}\`** · ${facts.join(' · ')}${isDefault ? '' : ' · changed here'}`,
    ...keyParagraphs(info),
  ];
  return lines.join('\n\n');
}

/** Description, reason, advice and examples of a key, each a paragraph. */
export function keyParagraphs(info: KeyInfo): string[] {
  const lines = [info.description];
  if (info.differs !== undefined) lines.push(`*Not as in PEFT:* ${info.differs}`);
  if (info.change !== undefined) lines.push(`*Change it when* ${info.change}`);
  const examples = info.examples.map(example => `\`${show(example)}\``);
  if (examples.length > 0) lines.push(`Examples: ${examples.join(', ')}`);
  return lines;
}
