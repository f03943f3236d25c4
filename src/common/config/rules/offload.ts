import { offloadPlace, withOffload, type OffloadKind } from '../offload';
import { mib, removal, setting, type Finding, type LintContext, type Rule } from '../rule';
import { hasRoom } from '../verdict';

const MiB = 2 ** 20;

function pathOf(kind: OffloadKind): readonly string[] {
  return ['memory', 'offload', kind];
}

/** GPU bytes of the config with one thing kept on the GPU, if it then has room. */
function needsResident({ config, facts }: LintContext, kind: OffloadKind): number | undefined {
  const forecast = facts.forecast?.(withOffload(config, kind, 'none'));
  if (forecast === undefined || 'problem' in forecast || !hasRoom(forecast, config.memory)) return undefined;
  return forecast.total;
}

const smallState: Rule = {
  id: 'M08',
  severity: 'warning',
  title: 'A small optimizer state is offloaded',
  why:
    'AdamW keeps 8 bytes for each value that trains: gigabytes in full fine-tuning, a few MiB for an adapter. Gradients and ' +
    'new values then travel in every step for next to nothing.',
  advice: 'Set memory.offload.optimizer to none.',
  check: (context): Finding[] => {
    const { config, facts } = context;
    if (offloadPlace(config, 'optimizer') === 'none') return [];
    const forecast = facts.forecast?.(config);
    if (forecast === undefined || 'problem' in forecast) return [];
    const moments = 8 * forecast.trainableParameters;
    if (moments >= 64 * MiB || needsResident(context, 'optimizer') === undefined) return [];
    const path = pathOf('optimizer');
    return [{ path, message: `The moments take only ${mib(moments)} MiB.`, fixes: [removal(path)] }];
  },
};

const idleOffload: Rule = {
  id: 'M09',
  severity: 'warning',
  title: 'Parameters are offloaded though they fit',
  why:
    'Offloaded blocks travel to the GPU twice a micro-batch, forward and backward. When everything fits the budget ' +
    'without it, the transfers buy nothing.',
  advice: 'Set memory.offload.parameters to none.',
  check: context => {
    const { memory } = context.config;
    if (memory.offload.parameters === 'none' || memory.budget_mib === undefined) return [];
    const needed = needsResident(context, 'parameters');
    if (needed === undefined) return [];
    const path = pathOf('parameters');
    const message = `Without offload the run needs ${mib(needed)} MiB; the budget is ${memory.budget_mib} MiB.`;
    return [{ path, message, fixes: [removal(path)] }];
  },
};

const repeatedTransfers: Rule = {
  id: 'M10',
  severity: 'warning',
  title: 'Every micro-batch pays for the offload',
  why: 'Offloaded blocks travel twice for each micro-batch, so an optimizer step of many small ones multiplies the transfers.',
  advice: 'Use larger micro-batches with less accumulation.',
  check: ({ config, facts }): Finding[] => {
    const { gradient_accumulation_steps: steps } = config.training;
    if (config.memory.offload.parameters === 'none' || steps < 8) return [];
    const forecast = facts.forecast?.(config);
    const moved = forecast === undefined || 'problem' in forecast ? undefined : forecast.transfers.kinds.parameters?.up;
    const bytes = moved === undefined ? '' : `, ${mib(moved)} MiB in all`;
    const message = `With parameters offloaded, ${steps} micro-batches a step send every block ${2 * steps} times${bytes}.`;
    return [{ path: ['training', 'gradient_accumulation_steps'], message }];
  },
};

const nothingToPark: Rule = {
  id: 'M11',
  severity: 'error',
  title: 'Activations are offloaded without block checkpointing',
  why:
    'What leaves are the inputs of checkpointed blocks, one a block, as with `cpu_checkpointing` in DeepSpeed. Without ' +
    'checkpointing the backward pass needs everything inside the blocks too.',
  advice: 'Set memory.gradient_checkpointing to block.',
  check: ({ config }): Finding[] => {
    const path = pathOf('activations');
    const isOffloaded = offloadPlace(config, 'activations') !== 'none';
    if (!isOffloaded || config.memory.gradient_checkpointing === 'block' || config.method.type === 'few-shot')
      return [];
    const message = `memory.gradient_checkpointing is ${config.memory.gradient_checkpointing}; offload of activations needs block.`;
    const enable = setting(['memory', 'gradient_checkpointing'], 'block', 'Enable block checkpointing');
    return [{ path, message, fixes: [enable, removal(path, false)] }];
  },
};

export const offloadRules: readonly Rule[] = [smallState, idleOffload, repeatedTransfers, nothingToPark];
