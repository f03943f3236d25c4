import { problem } from '../../../src/common/errors';
import type { RunConfig } from '../../../src/common/config/schema';
import type { FileSet } from '../../../src/common/run/events';
import { readAdaloraAdapter } from '../formats/adaloraAdapter';
import { foldAdapter } from '../formats/adaloraFold';
import { peftType, readLoraAdapter, type LoraAdapter } from '../formats/peftAdapter';
import { prefixType, promptType, readPromptAdapter, type PromptAdapter } from '../formats/promptAdapter';
import type { Method } from '../methods/method';
import { methodOf } from '../methods/methodOf';
import { plainMethod } from '../methods/plain';
import { attachedPrefix } from '../methods/prefix';
import { attachedPrompt } from '../methods/pTuning';
import { stackedLora } from '../methods/stackedLora';
import { moduleCatalog, tensorCatalog } from '../model/catalog';
import type { ModelConfig } from '../model/config';

/** An adapter of a session by name, with the factor on its update. */
export interface NamedWeight {
  readonly name: string;
  readonly weight: number;
}

/** A checked adapter: LoRA (AdaLoRA folded into it), prefixes and prompts stand for themselves, any other needs the config of its run. */
export type SessionAdapter =
  | { readonly kind: 'lora'; readonly name: string; readonly adapter: LoraAdapter }
  | { readonly kind: 'virtual'; readonly name: string; readonly adapter: PromptAdapter }
  | { readonly kind: 'run'; readonly name: string; readonly files: FileSet; readonly config: RunConfig };

/**
 * Reads an adapter folder for a session. Throws what `readLoraAdapter` throws, and `generate.kind` for another kind of
 * adapter without its run's config.
 */
export function readAdapter(name: string, files: FileSet, model: ModelConfig, config?: RunConfig): SessionAdapter {
  const type = peftType(files);
  if (type === 'ADALORA')
    return {
      kind: 'lora',
      name,
      adapter: foldAdapter(readAdaloraAdapter(files, moduleCatalog(model), tensorCatalog(model))),
    };
  if (type === 'LORA')
    return { kind: 'lora', name, adapter: readLoraAdapter(files, moduleCatalog(model), tensorCatalog(model)) };
  if (type === prefixType || type === promptType)
    return { kind: 'virtual', name, adapter: readPromptAdapter(files, model) };
  if (config) return { kind: 'run', name, files, config };
  throw problem(
    'generate.kind',
    `${name} is no LoRA adapter, prefix or prompt, and the config of its run is not known.`,
    'Choose it by its run, or use a LoRA adapter.',
  );
}

export interface ChosenAdapter {
  readonly adapter: SessionAdapter;
  readonly weight: number;
}

/** The method that puts adapters to work. Throws `generate.combine` for adapters that cannot be added. */
export function adapterMethod(chosen: readonly ChosenAdapter[], model: ModelConfig, modelName: string): Method {
  if (chosen.length === 0) return plainMethod();
  const loras = chosen.flatMap(({ adapter, weight }) =>
    adapter.kind === 'lora' ? [{ adapter: adapter.adapter, weight }] : [],
  );
  if (loras.length === chosen.length) return stackedLora(loras);
  const [{ adapter, weight }] = chosen;
  if (adapter.kind === 'lora' || chosen.length > 1 || weight !== 1)
    throw problem(
      'generate.combine',
      `${chosen.map(one => one.adapter.name).join(' and ')} cannot be added: only updates of LoRA adapters have weights.`,
      'Select one adapter with weight 1, or LoRA adapters only.',
    );
  if (adapter.kind === 'virtual') return attachedVirtual(adapter.adapter, model);
  const { config, files } = adapter;
  return methodOf({ config, model, modelName, passthrough: {}, adapter: files, totalSteps: 1 });
}

function attachedVirtual(adapter: PromptAdapter, model: ModelConfig): Method {
  return adapter.kind === 'prefix' ? attachedPrefix(adapter, model) : attachedPrompt(adapter, model);
}
