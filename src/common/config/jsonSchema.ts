import { z } from 'zod';
import { runConfigSchema } from './schema';

/** The part of JSON Schema that the config schema needs. */
export interface JsonSchema {
  type?: string;
  title?: string;
  description?: string;
  /** Completes "Change it when …". */
  change?: string;
  /** Why the key or its default is not PEFT's. */
  differs?: string;
  examples?: unknown[];
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  minItems?: number;
}

/** The schema of a config file as a person writes it (defaults may be left out), with the extra keys `change` and `differs`. */
export function configSchema(): JsonSchema {
  const schema: unknown = z.toJSONSchema(runConfigSchema, { target: 'draft-7', io: 'input' });
  return schema as JsonSchema;
}

/** Text of the JSON schema file that the manifest contributes for `*.peft.json`. */
export function jsonSchemaText(): string {
  return `${JSON.stringify(publish(configSchema()), null, 2)}\n`;
}

function publish(schema: JsonSchema): Record<string, unknown> {
  const { change, differs, properties, anyOf, oneOf, items, additionalProperties, ...rest } = dropSafeIntegers(schema);
  const notes = [rest.description, differs, change === undefined ? undefined : `Change it when ${change}`];
  const description = notes.filter(note => note !== undefined).join(' ');
  const extra = typeof additionalProperties === 'object' ? publish(additionalProperties) : additionalProperties;
  return {
    ...rest,
    ...(description === '' ? {} : { description, markdownDescription: description }),
    ...(properties && { properties: Object.fromEntries(Object.entries(properties).map(([k, v]) => [k, publish(v)])) }),
    ...(anyOf && { anyOf: anyOf.map(publish) }),
    ...(oneOf && { oneOf: oneOf.map(publish) }),
    ...(items && { items: publish(items) }),
    ...(extra !== undefined && { additionalProperties: extra }),
  };
}

function dropSafeIntegers(schema: JsonSchema): JsonSchema {
  const { minimum, maximum, ...rest } = schema;
  return {
    ...rest,
    ...(minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER && { minimum }),
    ...(maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && { maximum }),
  };
}
