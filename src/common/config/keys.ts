import { configSchema, type JsonSchema } from './jsonSchema';
import type { ConfigPath } from './range';

/** What the editor and the reference say about one key. */
export interface KeyInfo {
  readonly name: string;
  readonly description: string;
  readonly change?: string;
  readonly differs?: string;
  readonly examples: readonly unknown[];
  /** In words, to follow "must be": `a whole number of at least 1`. */
  readonly expected: string;
  /** Every legal value, if they can be listed. */
  readonly values: readonly unknown[];
  readonly default?: unknown;
  readonly required: boolean;
  /** `map` has named children, `table` has free keys, `list` has items. */
  readonly shape: 'scalar' | 'list' | 'map' | 'table';
  /** Children of a map. For `method`, those of each `type`. */
  readonly children: readonly KeyInfo[];
  readonly variants?: ReadonlyMap<string, readonly KeyInfo[]>;
}

/** The top-level keys. */
export const rootKeys: readonly KeyInfo[] = childrenOf(configSchema());

/** Keys legal directly under `path`; `methodType` picks the variant below `method` (all variants when unknown). */
export function keysAt(path: ConfigPath, methodType?: string): readonly KeyInfo[] {
  if (path.length === 0) return rootKeys;
  const info = keyAt(path, methodType);
  return info === undefined ? [] : childKeys(info, methodType);
}

/** The key at `path`, or undefined when there is no such key (list items and table entries have none). */
export function keyAt(path: ConfigPath, methodType?: string): KeyInfo | undefined {
  let keys = rootKeys;
  let info: KeyInfo | undefined;
  for (const segment of path) {
    info = keys.find(key => key.name === segment);
    if (info === undefined) return undefined;
    keys = childKeys(info, methodType);
  }
  return info;
}

/** The paths of all keys called `name`, e.g. `training.learning_rate`. */
export function pathsOfKey(name: string): ConfigPath[] {
  const found: ConfigPath[] = [];
  for (const key of rootKeys) {
    if (key.name === name) found.push([key.name]);
    for (const child of childKeys(key)) if (child.name === name) found.push([key.name, child.name]);
  }
  return found;
}

function childKeys(info: KeyInfo, methodType?: string): readonly KeyInfo[] {
  if (info.variants === undefined) return info.children;
  const variant = methodType === undefined ? undefined : info.variants.get(methodType);
  return variant ?? info.children;
}

function childrenOf(schema: JsonSchema): KeyInfo[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).map(([name, child]) => toKey(name, child, required.has(name)));
}

function toKey(name: string, schema: JsonSchema, required: boolean): KeyInfo {
  const variants = variantsOf(schema);
  return {
    name,
    description: schema.description ?? '',
    change: schema.change,
    differs: schema.differs,
    examples: schema.examples ?? [],
    expected: expectation(schema),
    values: valuesOf(schema),
    default: schema.default,
    required,
    shape: shapeOf(schema),
    children: variants === undefined ? childrenOf(schema) : mergeVariants(variants),
    variants,
  };
}

function variantsOf(schema: JsonSchema): Map<string, readonly KeyInfo[]> | undefined {
  if (schema.oneOf === undefined) return undefined;
  return new Map(schema.oneOf.map(option => [String(option.properties?.['type']?.const), childrenOf(option)]));
}

/** All keys of all variants once; `type` gets every variant's value. */
function mergeVariants(variants: ReadonlyMap<string, readonly KeyInfo[]>): KeyInfo[] {
  const merged = new Map<string, KeyInfo>();
  for (const key of [...variants.values()].flat()) if (!merged.has(key.name)) merged.set(key.name, key);
  const type = merged.get('type');
  if (type !== undefined) {
    const values = [...variants.keys()];
    const lines = values.map(value => variants.get(value)?.find(key => key.name === 'type')?.description ?? '');
    const description = values.map((value, index) => `\`${value}\`: ${lines[index]}`).join('\n\n');
    merged.set('type', { ...type, values, description, expected: oneOf(values) });
  }
  return [...merged.values()];
}

function shapeOf(schema: JsonSchema): KeyInfo['shape'] {
  if (schema.properties !== undefined || schema.oneOf !== undefined) return 'map';
  if (schema.type === 'object') return 'table';
  return schema.type === 'array' ? 'list' : 'scalar';
}

function valuesOf(schema: JsonSchema): unknown[] {
  if (schema.enum !== undefined) return schema.enum;
  if (schema.const !== undefined) return [schema.const];
  if (schema.type === 'boolean') return [true, false];
  const options = schema.anyOf?.map(valuesOf) ?? [];
  return options.every(values => values.length > 0) ? options.flat() : [];
}

/** The legal values in words, to follow "must be". */
export function expectation(schema: JsonSchema): string {
  if (schema.enum !== undefined) return oneOf(schema.enum);
  if (schema.const !== undefined) return show(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(expectation).join(', or ');
  if (schema.properties !== undefined || schema.oneOf !== undefined) return 'a map of keys';
  switch (schema.type) {
    case 'integer':
      return `a whole number${bounds(schema)}`;
    case 'number':
      return `a number${bounds(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return schema.minLength === undefined ? 'a text' : 'a text that is not empty';
    case 'array':
      return `a list of ${plural(schema.items ?? {})}${schema.minItems === undefined ? '' : ' with at least one entry'}`;
    default:
      return `a map of names to ${plural(typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {})}`;
  }
}

function plural(schema: JsonSchema): string {
  if (schema.type === 'integer') return `whole numbers${bounds(schema)}`;
  if (schema.type === 'number') return `numbers${bounds(schema)}`;
  return 'texts';
}

function bounds(schema: JsonSchema): string {
  const parts: string[] = [];
  const { minimum, maximum } = schema;
  if (minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER)
    return ` from ${minimum} to ${maximum}`;
  if (schema.exclusiveMinimum !== undefined) parts.push(`above ${schema.exclusiveMinimum}`);
  if (schema.minimum !== undefined && schema.minimum > Number.MIN_SAFE_INTEGER)
    parts.push(`of at least ${schema.minimum}`);
  if (schema.exclusiveMaximum !== undefined) parts.push(`below ${schema.exclusiveMaximum}`);
  if (schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER)
    parts.push(`of at most ${schema.maximum}`);
  return parts.length === 0 ? '' : ` ${parts.join(' and ')}`;
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? show(values[0]) : `one of ${values.map(show).join(', ')}`;
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
