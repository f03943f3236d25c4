import { jsonSchemaText } from './jsonSchema';
import { configReference, rulesReference } from './reference';

/** Every file that is generated from the schema and the rules: path from the repository's root → content. */
export function generatedDocs(): Record<string, string> {
  return {
    'docs/config-reference.md': configReference(),
    'docs/lint-rules.md': rulesReference(),
    'media/schema/peft-config.schema.json': jsonSchemaText(),
  };
}
