import type { Fix } from '../edits';
import { isWritten, mib, removal, setting, type Finding, type LintContext, type Rule } from '../rule';
import type { RunConfig } from '../schema';

const quantizationPath = ['memory', 'quantization'];
const blockPath = ['memory', 'block_size'];
const doublePath = ['memory', 'double_quant'];
const embeddingPath = ['memory', 'embedding_dtype'];

/** Bits of a stored weight, without scales; undefined where linears are not stored in blocks. */
function codeBits({ memory }: RunConfig): number | undefined {
  const { quantization } = memory;
  if (quantization === 'none' || quantization === 'f16') return undefined;
  return quantization === 'int8' ? 8 : 4;
}

function doubled({ memory }: RunConfig): boolean {
  return memory.double_quant ?? memory.quantization !== 'int8';
}

const trainsCodes: Rule = {
  id: 'Q01',
  severity: 'error',
  title: 'Full fine-tuning of a quantized base',
  why:
    'The weights are stored as codes: they have no gradient and cannot take a small step. bitsandbytes, axolotl and ' +
    'LLaMA-Factory refuse it too.',
  advice: 'Train an adapter on the quantized base (QLoRA), or keep the weights as they are.',
  check: ({ config }) => {
    if (config.method.type !== 'full' || codeBits(config) === undefined) return [];
    const { quantization } = config.memory;
    const message = `Full fine-tuning cannot train weights that are stored as ${quantization}.`;
    const keep: Fix = { ...removal(quantizationPath, false), title: 'Remove quantization and train all weights' };
    return [
      { path: quantizationPath, message, fixes: [setting(['method', 'type'], 'lora', 'Train LoRA instead'), keep] },
    ];
  },
};

const fp4: Rule = {
  id: 'Q02',
  severity: 'warning',
  title: 'fp4 instead of nf4',
  why:
    'On normally distributed weights the mean error of fp4 is 0.0965, that of nf4 0.0728, at the same size. fp4 is the ' +
    'default of bitsandbytes, not of QLoRA.',
  advice: 'Use nf4.',
  check: ({ config }) => {
    if (config.memory.quantization !== 'fp4') return [];
    const message = 'fp4 has a third more error than nf4 (0.0965 against 0.0728) at the same size.';
    return [{ path: quantizationPath, message, fixes: [setting(quantizationPath, 'nf4')] }];
  },
};

/** Mean error of nf4 on N(0, 1), from bitsandbytes' tests (`tests/test_functional.py`) where it has them. */
const nf4Errors: Readonly<Record<number, string>> = { 64: '0.0728', 128: '0.0768', 256: '0.0803', 4096: '0.0925' };

const largeBlocks: Rule = {
  id: 'Q03',
  severity: 'warning',
  title: 'A block size other than 64',
  why:
    'A block shares one scale, set by its largest weight: the mean error of nf4 on normal weights grows from 0.0728 with ' +
    '64 to 0.0925 with 4096. bitsandbytes knows the powers of two from 32 to 4096 and nothing else.',
  advice: 'Use 64.',
  check: ({ config }) => {
    const { block_size: size } = config.memory;
    if (codeBits(config) === undefined || size <= 64) return [];
    const error = nf4Errors[size];
    const known = error === undefined ? '' : ` (mean error of nf4 ${error} against ${nf4Errors[64]})`;
    const message = `Blocks of ${size} share a scale${known}; QLoRA was measured with 64.`;
    return [{ path: blockPath, message, fixes: [setting(blockPath, 64)] }];
  },
};

const straddling: Rule = {
  id: 'Q04',
  severity: 'info',
  title: 'Blocks reach over the ends of rows',
  why:
    'Blocks run along the flattened weight. Where the input width is no multiple of the block, a scale covers the end of one ' +
    'row and the start of the next. That is correct here and in bitsandbytes, but some fused kernels elsewhere refuse it.',
  advice: 'Nothing, unless the codes are meant for such a kernel.',
  check: ({ config, facts }) => {
    const { block_size: size } = config.memory;
    const modules = (facts.model?.modules ?? []).filter(module => !module.isOutputHead);
    const odd = modules.filter(module => module.in % size !== 0);
    if (codeBits(config) === undefined || odd.length === 0) return [];
    const fits = modules.every(module => module.in % 32 === 0);
    const message = `${odd[0].leaf} has ${odd[0].in} inputs, no multiple of ${size}: some scales cover parts of two rows.`;
    const fixes = fits ? [{ ...setting(blockPath, 32), preferred: false }] : [];
    return [{ path: size === 64 ? quantizationPath : blockPath, message, fixes }];
  },
};

interface BaseBytes {
  readonly tables: number;
  readonly linears: number;
}

/** Bytes of the embedding and head, and of the quantized modules. */
function baseBytes({ config, facts }: LintContext): BaseBytes | undefined {
  const bits = codeBits(config);
  const { model } = facts;
  if (bits === undefined || model === undefined) return undefined;
  const width = config.memory.embedding_dtype === 'f32' ? 4 : 2;
  const tables = model.vocabSize * model.hiddenSize * (model.tiedEmbeddings ? 1 : 2) * width;
  const scales = (doubled(config) ? 8 : 32) / config.memory.block_size;
  const weights = model.modules.reduce((sum, module) => sum + (module.isOutputHead ? 0 : module.in * module.out), 0);
  return { tables, linears: (weights * (bits + scales)) / 8 };
}

const embeddingDominates: Rule = {
  id: 'Q05',
  severity: 'info',
  title: 'The embedding outweighs the quantized weights',
  why:
    'Only the linear layers of the blocks are quantized; a lookup table with tens of thousands of rows is not. In small ' +
    'models it is then most of what is left.',
  advice: 'Keep the embedding as f16; a larger model gains more from quantization.',
  check: (context): Finding[] => {
    const bytes = baseBytes(context);
    if (bytes === undefined || bytes.tables <= bytes.linears) return [];
    const exact = context.config.memory.embedding_dtype === 'f32';
    const message =
      `The embedding takes ${mib(bytes.tables)} MiB as ${exact ? 'f32' : 'f16'}, ` +
      `all quantized weights together ${mib(bytes.linears)} MiB.`;
    if (!exact) return [{ path: quantizationPath, message }];
    return [{ path: embeddingPath, message, fixes: [setting(embeddingPath, 'f16')] }];
  },
};

const smallSaving: Rule = {
  id: 'Q06',
  severity: 'info',
  title: 'Double quantization of a small model',
  why: 'It saves 0.37 bits a weight: less than 9 MiB below 200 million parameters. Of the quantized weights it is 8 %, not the 20–30 % sometimes read.',
  advice: 'Keep it or not; nobody will notice.',
  check: context => {
    const { config, facts } = context;
    const parameters = facts.model?.parameters;
    const written = config.memory.double_quant === true && isWritten(context, doublePath);
    if (!written || codeBits(config) === undefined || parameters === undefined || parameters >= 2e8) return [];
    const linears = facts.model?.modules.reduce((sum, m) => sum + (m.isOutputHead ? 0 : m.in * m.out), 0) ?? 0;
    const saved = (linears * (24 / config.memory.block_size)) / 8;
    const message = `Double quantization saves about ${mib(saved)} MiB on this model.`;
    return [{ path: doublePath, message, fixes: [{ ...setting(doublePath, false), preferred: false }] }];
  },
};

const mergeIntoCodes: Rule = {
  id: 'Q07',
  severity: 'warning',
  title: 'Merging into the quantized weights',
  why:
    'The sum has to be quantized again: an update smaller than half a step of a code disappears, and the outputs change ' +
    '(peft #1043, #2321).',
  advice: 'Merge into f32 or f16 weights.',
  // A merge is no part of a config: `mergeNotes` reports this where one is asked for.
  check: () => [],
};

const mergeIntoFile: Rule = {
  id: 'Q08',
  severity: 'warning',
  title: 'The merged base is not the one that was trained on',
  why:
    'The adapter was trained beside the dequantized weights. Added to the original ones it is usually fine, but where the ' +
    'quantization error is larger than the update it can be lost (peft #2105, unsloth-zoo PR #810).',
  advice: 'Merge into the dequantized weights, or evaluate both.',
  // A merge is no part of a config: `mergeNotes` reports this where one is asked for.
  check: () => [],
};

const halfArithmetic: Rule = {
  id: 'Q09',
  severity: 'error',
  title: 'A key for 16-bit arithmetic',
  why:
    'Arithmetic is f32 whatever the storage. With fp16 a fifth of the 7B runs of QLoRA broke down (its README), and there is no ' +
    'switch for it here.',
  advice: 'Remove the key.',
  // The parser reports unknown keys, these under this id.
  check: () => [],
};

const unequalBases: Rule = {
  id: 'Q10',
  severity: 'warning',
  title: 'Runs on differently stored bases are compared',
  why:
    'The base is another model then: a difference between methods and one between 4 and 32 bits cannot be told apart ' +
    '(LLaMA-Factory warns of evaluating one and deploying the other).',
  advice: 'Use one memory.quantization in all runs of a comparison.',
  // One config cannot show it: `common/comparison/cautions.ts` says it where runs are compared.
  check: () => [],
};

export const quantizationRules: readonly Rule[] = [
  trainsCodes,
  fp4,
  largeBlocks,
  straddling,
  embeddingDominates,
  smallSaving,
  mergeIntoCodes,
  mergeIntoFile,
  halfArithmetic,
  unequalBases,
];
