import * as vscode from 'vscode';
import type { AdapterFacts } from '../common/config/facts';
import type { RunConfig } from '../common/config/schema';
import { problem } from '../common/errors';
import { inspectModel, inspectRows, type InspectedModel, type InspectedRows } from '../../webview/engine/inspect';
import type { FileCache } from './fileCache';

/** Larger data files are not read by the editor: it would wait for them. The run itself reads any size. */
const maxDataBytes = 32 * 2 ** 20;

/** What the model in `folder` is. */
export function readModelFacts(cache: FileCache, folder: vscode.Uri, label: string): Promise<InspectedModel> {
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'];
  const uris = names.map(name => vscode.Uri.joinPath(folder, name));
  return cache.get(uris, { purpose: 'model' }, files => {
    const [config, tokenizer, tokenizerConfig, chatTemplate] = files.map(
      file => file && new TextDecoder().decode(file),
    );
    if (config === undefined) {
      throw problem('model.missingFile', `${label} has no config.json.`, 'Name a folder of a Hugging Face model.');
    }
    return inspectModel({ config, tokenizer, tokenizerConfig, chatTemplate }, label);
  });
}

/** What a data file holds, measured with the model's tokenizer; undefined for a file that is too large to look at. */
export async function readRowFacts(
  cache: FileCache,
  uri: vscode.Uri,
  label: string,
  model: InspectedModel | undefined,
): Promise<InspectedRows | undefined> {
  if (((await cache.sizeOf(uri)) ?? 0) > maxDataBytes) return undefined;
  const rows = await cache.get([uri], { purpose: 'rows', variant: `${identity(model)} ${label}` }, ([file]) =>
    inspectRows(file ?? new Uint8Array(), label, model?.tokenizer),
  );
  const { problem: fault } = rows.facts;
  if (fault !== undefined) throw problem(fault.code, fault.message, fault.hint);
  return rows;
}

const identities = new WeakMap<InspectedModel, number>();
let nextIdentity = 1;

/** A number per model as read: rows measured with another tokenizer are another result. */
function identity(model: InspectedModel | undefined): number {
  if (model === undefined) return 0;
  const known = identities.get(model) ?? nextIdentity++;
  identities.set(model, known);
  return known;
}

/** What PEFT calls the adapters whose facts the rules use. */
const peftTypes: Partial<Record<RunConfig['method']['type'], string>> = {
  lora: 'LORA',
  weightlora: 'LORA',
  adalora: 'ADALORA',
  prefix: 'PREFIX_TUNING',
  'p-tuning-v2': 'PREFIX_TUNING',
};

/** What an adapter folder says about its scale, where it has one; the engine checks the rest when it reads it. */
export function readAdapterFacts(
  cache: FileCache,
  folder: vscode.Uri,
  method: RunConfig['method']['type'],
): Promise<AdapterFacts> {
  const uri = vscode.Uri.joinPath(folder, 'adapter_config.json');
  return cache.get([uri], { purpose: 'adapter', variant: method }, ([file]) => {
    const hint = 'Name the folder of an adapter as its library saved it.';
    if (file === undefined) throw problem('adapter.missingFile', 'The folder has no adapter_config.json.', hint);
    const value = parseObject(new TextDecoder().decode(file));
    if (value === undefined) throw problem('adapter.config', 'adapter_config.json is not a JSON object.', hint);
    const expected = peftTypes[method];
    if (expected === undefined) return {};
    if (value['peft_type'] !== expected) {
      throw problem(
        'adapter.type',
        `adapter_config.json is of type ${JSON.stringify(value['peft_type'])}, not ${expected}.`,
        hint,
      );
    }
    const number = (key: string) => (typeof value[key] === 'number' ? value[key] : undefined);
    if (expected === 'PREFIX_TUNING')
      return { token_dim: number('token_dim'), prefix_projection: value['prefix_projection'] === true };
    const init_r = expected === 'ADALORA' ? number('init_r') : undefined;
    return { r: number('r'), init_r, lora_alpha: number('lora_alpha'), use_rslora: value['use_rslora'] === true };
  });
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
