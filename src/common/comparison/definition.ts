import { z } from 'zod';
import { problem } from '../errors';

const variantSchema = z.object({
  /** Variants of one group differ in the seed only. */
  group: z.string().min(1),
  label: z.string().min(1),
  seed: z.number().int().nonnegative(),
  /** File name beside `comparison.json`. */
  config: z.string().regex(/^[^/\\]+$/, 'must be a file name'),
});

const definitionSchema = z.object({
  version: z.literal(1),
  name: z.string().min(1),
  kind: z.enum(['methods', 'sweep']),
  question: z.string(),
  /** The config that the variants were made from, relative to this file. */
  base: z.string().min(1),
  /** The key whose values a sweep tries. */
  key: z.string().optional(),
  variants: z.array(variantSchema).min(1).max(500),
});

/** `comparison.json`: what is compared, for people and for the page. What came of it is in the runs. */
export type ComparisonDefinition = z.output<typeof definitionSchema>;
export type ComparisonVariant = ComparisonDefinition['variants'][number];

/** Reads a `comparison.json`. Throws `comparison.json` with the key that is wrong. */
export function parseDefinition(text: string, path: string): ComparisonDefinition {
  const hint = 'Restore the file, or write the comparison anew with Compare Methods… or Sweep….';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw problem('comparison.json', `${path} is not JSON.`, hint);
  }
  const checked = definitionSchema.safeParse(value);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const where = issue.path.length === 0 ? '' : `, key ${issue.path.join('.')}`;
  throw problem('comparison.json', `${path}${where}: ${issue.message}.`, hint);
}

export function definitionText(definition: ComparisonDefinition): string {
  return `${JSON.stringify(definition, undefined, 2)}\n`;
}
