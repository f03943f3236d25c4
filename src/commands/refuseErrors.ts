import type * as vscode from 'vscode';
import { diagnose } from '../common/config/lint';
import { parseConfig } from '../common/config/parse';
import { problem } from '../common/errors';
import type { FactSource } from '../configEditor/facts';

/**
 * Refuses a config that the editor marks with an error: what is underlined there does not run here either. The refusal
 * names the first error with its line and says how many there are.
 */
export async function refuseErrors(facts: FactSource, uri: vscode.Uri, text: string, path: string): Promise<void> {
  const parsed = parseConfig(text);
  const known = parsed.value && (await facts.facts(uri, parsed.value));
  const errors = diagnose(parsed, known).filter(found => found.severity === 'error');
  if (errors.length === 0) return;
  const [first] = errors;
  const line = text.slice(0, first.range.start).split('\n').length;
  const more = errors.length > 1 ? ` (1 of ${errors.length} errors)` : '';
  throw problem(first.code, `${path}, line ${line}: ${first.message}${more}`, first.hint);
}
