import type { ForecastFacts } from '../facts';
import { mib, removal, type Finding, type LintContext, type Rule } from '../rule';
import { remedies } from './shrink';

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
  advice: 'In this order: smaller micro-batch with more accumulation, f16 base weights, shorter rows, LoRA.',
  check: context => {
    const { budget_mib: budget } = context.config.memory;
    const forecast = forecastOf(context);
    if (budget === undefined || forecast === undefined || statesAloneExceed(context)) return [];
    if (forecast.total <= 0.9 * budget * MiB) return [];
    const { path, fixes } = remedies(context, ({ total }) => total <= 0.9 * budget * MiB);
    const isOver = forecast.total > budget * MiB;
    const message = `The run needs ${mib(forecast.total)} MiB; the budget is ${budget} MiB. The largest part is ${largestPart(forecast)}.`;
    return [{ path, message, severity: isOver ? 'error' : 'warning', fixes }];
  },
};

function largestPart({ bytes }: ForecastFacts): string {
  const [name, size] = Object.entries(bytes).sort(([, a], [, b]) => b - a)[0] ?? ['weights', 0];
  return `${name} (${mib(size)} MiB)`;
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
    const { fixes } = remedies(context, ({ total }) => total <= 0.9 * budget * MiB);
    const message =
      `Full fine-tuning keeps 16 bytes for each of ${parameters} parameters: ` +
      `${mib(bytesPerTrained * parameters)} MiB before any activation; the budget is ${budget} MiB.`;
    return [{ path: ['method', 'type'], message, fixes }];
  },
};

const aboveBuffer: Rule = {
  id: 'M01',
  severity: 'error',
  title: 'A buffer is larger than the GPU allows',
  why: 'WebGPU limits a buffer to maxBufferSize, 256 MiB unless the GPU offers more.',
  advice: 'Use a smaller micro-batch, shorter rows or a smaller model.',
  check: context => {
    const forecast = forecastOf(context);
    const most = context.facts.limits?.maxBufferSize;
    if (forecast === undefined || most === undefined || forecast.largestBuffer <= most) return [];
    const { path, fixes } = remedies(context, ({ largestBuffer }) => largestBuffer <= most);
    const message = `The largest buffer has ${mib(forecast.largestBuffer)} MiB; this GPU allows ${mib(most)} MiB.`;
    return [{ path, message, fixes }];
  },
};

const aboveBinding: Rule = {
  id: 'M02',
  severity: 'error',
  title: 'The run cannot be planned for this GPU',
  why:
    'A shader sees at most maxStorageBufferBindingSize of a buffer at once, 128 MiB unless the GPU offers more, and a tensor ' +
    'that does not fit in one binding cannot be computed with.',
  advice: 'Use a smaller micro-batch, shorter rows or a smaller model.',
  check: context => {
    const forecast = context.facts.forecast?.(context.config);
    if (forecast === undefined || !('problem' in forecast) || !forecast.problem.code.startsWith('memory.')) return [];
    const { path, fixes } = remedies(context, () => true);
    const { message, hint } = forecast.problem;
    return [{ path, message: `${message} ${hint}`, fixes }];
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

export const memoryRules: readonly Rule[] = [aboveBuffer, aboveBinding, aboveBudget, statesAboveBudget, uselessHalf];
