import { numberText } from '../numberText';
import { quantile, removal, setting, type Finding, type LintContext, type Rule } from '../rule';
import type { MethodConfig, PrefixConfig, PTuningConfig, PTuningV2Config } from '../schema';
import { highestEncoderRate } from './referenceRate';

type PrefixLike = PrefixConfig | PTuningV2Config;
type Virtual = PrefixLike | PTuningConfig;

const ratePath = ['training', 'learning_rate'];
const countPath = ['method', 'num_virtual_tokens'];
const adapterPath = ['method', 'adapter'];

function prefixOf({ config: { method } }: LintContext): PrefixLike | undefined {
  return method.type === 'prefix' || method.type === 'p-tuning-v2' ? method : undefined;
}

function virtualOf({ config: { method } }: LintContext): Virtual | undefined {
  return 'num_virtual_tokens' in method ? method : undefined;
}

/** Whether a network makes the virtual tokens while they train. */
function isEncoded(method: Virtual): boolean {
  return method.type === 'p-tuning' || method.prefix_projection;
}

const beyondPositions: Rule = {
  id: 'P02',
  severity: 'error',
  title: 'Virtual tokens and max_length are beyond the positions of the model',
  why:
    'Tokens stand after the virtual ones, so positions go up to num_virtual_tokens + max_length. GPT-2 has no vector for ' +
    'positions past its table; rotary models were never trained there (a warning).',
  advice: 'Lower data.max_length or method.num_virtual_tokens.',
  check: context => {
    const method = virtualOf(context);
    const { model, data } = context.facts;
    if (method === undefined || model === undefined) return [];
    const { max_length: limit } = context.config.data;
    const room = model.maxPositions - method.num_virtual_tokens;
    const rows = data?.train?.tokens?.length === data?.train?.rows ? data?.train?.tokens : undefined;
    const longest = rows?.reduce((most, count) => Math.max(most, count), 0);
    const fits = limit <= room || (model.family === 'llama' && longest !== undefined && longest <= room);
    if (fits) return [];
    const message =
      `${method.num_virtual_tokens} virtual tokens and max_length ${limit} need ` +
      `${method.num_virtual_tokens + limit} positions; the model has ${model.maxPositions}.`;
    const path = room > 0 ? ['data', 'max_length'] : countPath;
    const severity = model.family === 'gpt2' || room < 1 ? 'error' : 'warning';
    return [{ path, message, severity, fixes: room > 0 ? [setting(path, room)] : [] }];
  },
};

const mostlyVirtual: Rule = {
  id: 'P03',
  severity: 'warning',
  title: 'Virtual tokens crowd out the text',
  why: 'They take positions and attention from the text: above a quarter of it, or above a typical example, they dominate.',
  advice: 'Use 10 to 50 virtual tokens.',
  check: context => {
    const method = virtualOf(context);
    if (method === undefined) return [];
    const count = method.num_virtual_tokens;
    const { max_length: limit } = context.config.data;
    const tokens = context.facts.data?.train?.tokens ?? [];
    const median = tokens.length > 0 ? quantile(tokens, 0.5) : undefined;
    const most = Math.max(1, Math.min(Math.floor(limit / 4), median ?? Infinity));
    if (count <= most) return [];
    const reason = count > limit / 4 ? `a quarter of max_length ${limit}` : `the ${median} tokens of a typical row`;
    return [
      {
        path: countPath,
        message: `${count} virtual tokens are more than ${reason}.`,
        fixes: [setting(countPath, most)],
      },
    ];
  },
};

const directTooSlow: Rule = {
  id: 'L04',
  severity: 'warning',
  title: 'Learning rate too low for a directly trained prefix',
  why:
    'Prefix values train with rates of 5e-3 to 3e-2 (PEFT method comparison, P-tuning v2 scripts); at 1e-4 a prompt ' +
    'reached 5.7 % where 1e-3 reached 34.3 %.',
  advice: 'Start at 5e-3 for prefix-tuning and 1e-2 for P-tuning v2.',
  check: context => {
    const method = virtualOf(context);
    const { learning_rate: rate } = context.config.training;
    if (method === undefined || isEncoded(method) || rate >= 1e-3) return [];
    const wanted = method.type === 'p-tuning-v2' ? 1e-2 : 5e-3;
    const message = `learning_rate ${numberText(rate)} hardly moves a directly trained prefix.`;
    return [{ path: ratePath, message, fixes: [setting(ratePath, wanted)] }];
  },
};

const encodedTooFast: Rule = {
  id: 'L05',
  severity: 'warning',
  title: 'Learning rate too high for an encoder',
  why: 'The network that makes a prefix or prompt trains like any network: 5e-5 (Li and Liang), 1e-5 (P-tuning), 1e-4 (PEFT).',
  advice: 'Use 5e-5 to 3e-4.',
  check: context => {
    const method = virtualOf(context);
    const { learning_rate: rate } = context.config.training;
    if (method === undefined || !isEncoded(method) || rate <= highestEncoderRate) return [];
    const wanted = method.type === 'p-tuning' ? 3e-4 : 1e-4;
    const message = `learning_rate ${numberText(rate)} is high for the network that makes the virtual tokens.`;
    return [{ path: ratePath, message, fixes: [setting(ratePath, wanted)] }];
  },
};

const randomPrefix: Rule = {
  id: 'X03',
  severity: 'warning',
  title: 'The prefix starts from noise',
  why:
    "Keys drawn from N(0, 1) disturb every block at the start. In PEFT's comparison such a prefix reached 18.6 %, one from " +
    'zeros 35.8 %, one from a text 41.6 %.',
  advice: 'Start from a text that describes the task, or from zeros.',
  check: ({ config: { method } }) => {
    const path = ['method', 'init_weights'];
    if (method.type !== 'prefix' || method.prefix_projection || method.init_weights !== 'normal') return [];
    const wanted = method.init_text === undefined ? 'zero' : 'text';
    return [
      { path, message: 'A prefix from N(0, 1) starts by disturbing every block.', fixes: [setting(path, wanted)] },
    ];
  },
};

const wrongWidth: Rule = {
  id: 'X04',
  severity: 'error',
  title: 'The prefix to continue has the wrong width',
  why:
    'With grouped queries keys are narrower than the hidden state: token_dim must be key heads × head size ' +
    '(huggingface/peft #1901).',
  advice: 'Use a prefix that was made for this model.',
  check: context => {
    const { adapter, model } = context.facts;
    if (prefixOf(context)?.adapter === undefined || adapter?.token_dim === undefined || model === undefined) return [];
    const width = model.modules.find(({ leaf }) => leaf === 'k_proj')?.out ?? model.hiddenSize;
    if (adapter.token_dim === width) return [];
    const message = `The adapter's token_dim is ${adapter.token_dim}; keys of this model are ${width} wide.`;
    return [{ path: adapterPath, message }];
  },
};

const checkpointedPrefix: Rule = {
  id: 'X05',
  severity: 'info',
  title: 'PEFT does not train a prefix with gradient checkpointing',
  why:
    'PEFT refuses prefix-tuning on a model with gradient checkpointing, because its cache of keys is switched off there (peft ' +
    '#869, #2191). Here both go together, and so does the exported prefix in inference.',
  advice: 'Nothing, unless the run is to be repeated with PEFT: then without gradient checkpointing.',
  check: context => {
    const path = ['memory', 'gradient_checkpointing'];
    if (prefixOf(context) === undefined || context.config.memory.gradient_checkpointing === 'none') return [];
    const message = 'PEFT cannot train this config: it refuses a prefix with gradient checkpointing.';
    return [{ path, message, fixes: [{ ...setting(path, 'none'), preferred: false }] }];
  },
};

const idleLayers: Rule = {
  id: 'X06',
  severity: 'warning',
  title: 'encoder_num_layers has no effect',
  why: 'The MLP encoder always has its three linear layers (PEFT warns of it too); only the LSTM reads this key.',
  advice: 'Remove the key, or choose the LSTM.',
  check: ({ config: { method } }) => {
    const path = ['method', 'encoder_num_layers'];
    if (method.type !== 'p-tuning' || method.encoder_reparameterization_type !== 'MLP') return [];
    if (method.encoder_num_layers === 2) return [];
    return [{ path, message: 'The MLP encoder ignores encoder_num_layers.', fixes: [removal(path)] }];
  },
};

const notMergeable: Rule = {
  id: 'X09',
  severity: 'error',
  title: 'Merging what is no change of the weights',
  why:
    'A prefix or prompt adds keys, values or vectors, and a bottleneck with a non-linearity computes what no matrix does: none ' +
    'of them can become part of the base weights.',
  advice: 'Keep the adapter beside the model.',
  // A merge is no part of a config: the merge itself refuses, with the reason.
  check: () => [],
};

const lostEncoder: Rule = {
  id: 'X07',
  severity: 'error',
  title: 'A reparametrised prefix or prompt cannot go on from its export',
  why: 'Only what the network made is exported; the network and its embedding are gone, and cannot be found from it.',
  advice: 'Resume the run from its own checkpoint.',
  check: context => {
    const method = virtualOf(context);
    if (method?.adapter === undefined) return [];
    if (!isEncoded(method) && context.facts.adapter?.prefix_projection !== true) return [];
    const what = method.type === 'p-tuning' ? 'A prompt' : 'A prefix with prefix_projection';
    const message = `${what} cannot be continued from an exported file: the network that made it is not in there.`;
    return [{ path: adapterPath, message, fixes: [removal(adapterPath, false)] }];
  },
};

/** Parameters of the network that makes a prefix, and those of LoRA with rank 16 on every linear layer. */
function networkSizes(
  { facts: { model } }: LintContext,
  method: MethodConfig,
): { made: number; lora: number; perUnit: number } | undefined {
  if (model === undefined || (method.type !== 'prefix' && method.type !== 'p-tuning-v2')) return undefined;
  const width = model.modules.find(({ leaf }) => leaf === 'k_proj')?.out ?? model.hiddenSize;
  const table = 2 * model.layers * width;
  const hidden = method.type === 'prefix' ? (method.encoder_hidden_size ?? width) : method.prefix_hidden_size;
  const perUnit = width + 1 + table;
  const linears = model.modules.filter(({ isOutputHead }) => !isOutputHead);
  const lora = 16 * linears.reduce((sum, { in: inner, out }) => sum + inner + out, 0);
  return { made: method.num_virtual_tokens * width + hidden * perUnit + table, lora, perUnit };
}

const largeNetwork: Rule = {
  id: 'X08',
  severity: 'info',
  title: 'The network that makes the prefix is large',
  why: 'It is dropped after training, but until then its weights, gradients and moments take more memory than LoRA of rank 16.',
  advice: 'Lower its hidden size.',
  check: context => {
    const { method } = context.config;
    const sizes = prefixOf(context)?.prefix_projection === true ? networkSizes(context, method) : undefined;
    if (sizes === undefined || sizes.made <= sizes.lora) return [];
    const path = ['method', method.type === 'prefix' ? 'encoder_hidden_size' : 'prefix_hidden_size'];
    const fitting = Math.max(1, Math.floor(sizes.lora / sizes.perUnit / 2));
    const message = `The network trains ${sizes.made} numbers; LoRA of rank 16 on every linear layer has ${sizes.lora}.`;
    const at = context.parsed.locate(path) === undefined ? ['method', 'prefix_projection'] : path;
    const finding: Finding = { path: at, message, fixes: [setting(path, fitting)] };
    return [finding];
  },
};

export const promptRules: readonly Rule[] = [
  beyondPositions,
  mostlyVirtual,
  directTooSlow,
  encodedTooFast,
  randomPrefix,
  wrongWidth,
  checkpointedPrefix,
  idleLayers,
  lostEncoder,
  largeNetwork,
  notMergeable,
];
