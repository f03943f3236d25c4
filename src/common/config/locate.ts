import { isAlias, isMap, isScalar, isSeq, type Document, type Node, type Pair } from 'yaml';
import type { ConfigPath, TextRange } from './range';

export type ConfigDocument = Document.Parsed;

/** The node at `path` with its pair when it is a map entry; aliases on the way are followed. */
export interface Place {
  readonly node: Node | null;
  readonly pair?: Pair;
}

/** Finds `path` in the document; undefined when it is not written there. */
export function placeOf(document: ConfigDocument, path: ConfigPath): Place | undefined {
  let place: Place = { node: document.contents };
  for (const segment of path) {
    const next = step(resolved(document, place.node), segment);
    if (next === undefined) return undefined;
    place = next;
  }
  return place;
}

/** Follows an alias to its node; other nodes are returned as they are. */
export function resolved(document: ConfigDocument, node: Node | null): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? null) : node;
}

function step(node: Node | null, segment: string | number): Place | undefined {
  if (isMap(node)) {
    const pair = node.items.find(item => keyOf(item) === String(segment));
    return pair && { node: asNode(pair.value), pair };
  }
  if (isSeq(node) && typeof segment === 'number' && segment < node.items.length) {
    return { node: asNode(node.items[segment]) };
  }
  return undefined;
}

/** The text of a pair's key. */
export function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

/** A parsed document holds only nodes; anything else means "no value". */
export function asNode(value: unknown): Node | null {
  return typeof value === 'object' && value !== null && 'range' in value ? (value as Node) : null;
}

/** The written extent of `path`: its key, or its value (the key where the value is empty). */
export function rangeOf(
  document: ConfigDocument,
  text: string,
  path: ConfigPath,
  part: 'key' | 'value',
): TextRange | undefined {
  const place = placeOf(document, path);
  if (place === undefined) return undefined;
  const key = place.pair && nodeRange(text, asNode(place.pair.key));
  const value = nodeRange(text, place.node);
  return part === 'key' ? (key ?? value) : (value ?? key);
}

/** A node's extent without trailing blanks; undefined for an empty one. */
export function nodeRange(text: string, node: Node | null): TextRange | undefined {
  const range = node?.range;
  if (!range) return undefined;
  const start = range[0];
  let end = range[1];
  while (end > start && /\s/.test(text[end - 1])) end--;
  return end > start ? { start, end } : undefined;
}
