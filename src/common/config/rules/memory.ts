import type { Problem } from '../../errors';
import { memoryCategories } from '../../run/events';
import { memoryLabels } from '../../run/memoryLabels';
import type { ForecastFacts } from '../facts';
import { peakText } from '../peakText';
import { mib, removal, type Finding, type LintContext, type Rule } from '../rule';
import { remedies } from '../savings/remedies';
import type { RunConfig } from '../schema';
import { hasRoom, verdictOf } from '../verdict';

const MiB = 2 ** 20;
/** Weight, gradient and two moments of a parameter that trains, in f32. */
const bytesPerTrained = 16;

function forecastOf({ config, facts }: LintContext): ForecastFacts | undefined {
  const forecast = facts.forecast?.(config);
  return forecast === undefined || 'problem' in forecast ? undefined : forecast;
}

function statesAloneExceed({ config, facts }: LintContext): boolean {
  const { budget_mib: budget } = config.memory;
  const parameters = facts.model?.parameters;
  if (config.method.type !== 'full' || budget === undefined || parameters === undefined) return false;
  return bytesPerTrained * parameters > budget * MiB;
}

const aboveBudget: Rule = {
  id: 'M05',
  severity: 'error',
  title: 'The run does not fit the memory budget',
  why:
    'The forecast is what the engine will ask of the GPU, to the byte. Above memory.budget_mib the run is refused; ' +
    'above 90 % of it is a warning, because other programs and the driver need room too.',
  advice:
    'Run "PEFT: Fit to Budget", or choose: smaller micro-batches with more accumulation, gradient checkpointing, offload, ' +
    'f16 or nf4 base weights, shorter rows, LoRA.',
  check: context => {
    const { memory } = context.config;
    const forecast = forecastOf(context);
    if (forecast === undefined || statesAloneExceed(context)) return [];
    const { kind } = verdictOf(forecast, memory);
    if (kind !== 'over' && kind !== 'tight') return [];
    const { path, fixes } = remedies(context, plan => hasRoom(plan, memory));
    const message =
      `The run needs ${mib(forecast.total)} MiB; the budget is ${memory.budget_mib} MiB. ` +
      `The largest part is ${largestPart(forecast)}, the peak is at ${peakText(forecast.peak)}.`;
    return [{ path, message, severity: kind === 'over' ? 'error' : 'warning', fixes }];
  },
};

function largestPart({ bytes }: ForecastFacts): string {
  const sizes = memoryCategories.map(category => ({ category, size: bytes[category] ?? 0 }));
  const onGpu = sizes.filter(({ category }) => !category.startsWith('offloaded'));
  const { category, size } = onGpu.reduce((most, one) => (one.size > most.size ? one : most));
  return `${memoryLabels[category]} (${mib(size)} MiB)`;
}

const statesAboveBudget: Rule = {
  id: 'M15',
  severity: 'error',
  title: 'Full fine-tuning alone exceeds the budget',
  why: 'Weight, gradient and two Adam moments are 16 bytes a parameter before any activation.',
  advice: 'Use LoRA.',
  check: context => {
    const { budget_mib: budget } = context.config.memory;
    const parameters = context.facts.model?.parameters;
    if (!statesAloneExceed(context) || budget === undefined || parameters === undefined) return [];
    const { fixes } = remedies(context, plan => hasRoom(plan, context.config.memory));
    const message =
      `Full fine-tuning keeps 16 bytes for each of ${parameters} parameters: ` +
      `${mib(bytesPerTrained * parameters)} MiB before any activation; the budget is ${budget} MiB.`;
    return [{ path: ['method', 'type'], message, fixes }];
  },
};

/** The planner's refusal under the limit that caused it: a tensor must fit one binding, and a binding one buffer. */
function refusal(
  { config, facts }: LintContext,
  limit: 'maxBufferSize' | 'maxStorageBufferBindingSize',
): Problem | undefined {
  const forecast = facts.forecast?.(config);
  if (forecast === undefined || !('problem' in forecast) || !forecast.problem.code.startsWith('memory.'))
    return undefined;
  const { limits } = facts;
  const byBuffer = limits !== undefined && limits.maxBufferSize <= limits.maxStorageBufferBindingSize;
  return byBuffer === (limit === 'maxBufferSize') ? forecast.problem : undefined;
}

function refusalFindings(context: LintContext, limit: 'maxBufferSize' | 'maxStorageBufferBindingSize'): Finding[] {
  const problem = refusal(context, limit);
  if (problem === undefined) return [];
  const { path, fixes } = remedies(context, () => true);
  return [{ path, message: problem.message, fixes }];
}

const aboveBuffer: Rule = {
  id: 'M01',
  severity: 'error',
  title: 'A tensor is larger than a buffer of this GPU',
  why: 'WebGPU limits a buffer to maxBufferSize, 256 MiB unless the GPU offers more.',
  advice: 'Use a smaller micro-batch, shorter rows or a smaller model.',
  check: context => refusalFindings(context, 'maxBufferSize'),
};

const aboveBinding: Rule = {
  id: 'M02',
  severity: 'error',
  title: 'A tensor is larger than this GPU can bind',
  why:
    'A shader sees at most maxStorageBufferBindingSize of a buffer at once, 128 MiB unless the GPU offers more, and a tensor ' +
    'that does not fit in one binding cannot be computed with.',
  advice: 'Use a smaller micro-batch, shorter rows or a smaller model.',
  check: context => refusalFindings(context, 'maxStorageBufferBindingSize'),
};

const idleCheckpointing: Rule = {
  id: 'M06',
  severity: 'warning',
  title: 'Checkpointing saves little here',
  why:
    'Running blocks again costs a third more time in full fine-tuning and a half on a frozen base. With few blocks, or where ' +
    'activations are a small part of the memory, there is little to gain.',
  advice: 'Set memory.gradient_checkpointing to none.',
  check: context => {
    const { config, facts } = context;
    if (config.memory.gradient_checkpointing !== 'block') return [];
    const path = ['memory', 'gradient_checkpointing'];
    const without: RunConfig = { ...config, memory: { ...config.memory, gradient_checkpointing: 'none' } };
    const before = facts.forecast?.(without);
    const now = forecastOf(context);
    if (before === undefined || 'problem' in before || now === undefined) return [];
    const saved = before.total - now.total;
    if (saved >= 0.1 * before.total) return [];
    const message = `Checkpointing blocks saves ${mib(saved)} of ${mib(before.total)} MiB.`;
    return [{ path, message, fixes: [removal(path)] }];
  },
};

const uselessHalf: Rule = {
  id: 'S05',
  severity: 'info',
  title: 'f16 storage with full fine-tuning',
  why: 'Only frozen weights are stored as f16; in full fine-tuning none are frozen.',
  advice: 'Remove the key.',
  check: ({ config }): Finding[] => {
    const path = ['memory', 'quantization'];
    if (config.method.type !== 'full' || config.memory.quantization !== 'f16') return [];
    return [
      { path, message: 'quantization f16 has no effect: full fine-tuning freezes no weight.', fixes: [removal(path)] },
    ];
  },
};

export const memoryRules: readonly Rule[] = [
  aboveBuffer,
  aboveBinding,
  aboveBudget,
  idleCheckpointing,
  statesAboveBudget,
  uselessHalf,
];
