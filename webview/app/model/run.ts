import { describeMethod } from '../../../src/common/config/describe';
import type { RunConfig } from '../../../src/common/config/schema';
import type { DashboardAction, EngineCommand } from '../../../src/common/protocol';
import type { RunState } from '../../../src/common/run/events';
import { isResumable } from '../../../src/common/run/stateMachine';
import type { RunView } from '../../../src/common/run/view';
import { formatRate } from './format';

export type Tone = 'neutral' | 'info' | 'good' | 'warning' | 'error';

const tones: Readonly<Record<RunState, Tone>> = {
  queued: 'neutral',
  starting: 'info',
  running: 'good',
  paused: 'warning',
  stopping: 'warning',
  stopped: 'neutral',
  interrupted: 'warning',
  completed: 'good',
  failed: 'error',
};

/** The colour family of a state's pill. */
export function toneOf(state: RunState): Tone {
  return tones[state];
}

/** Share of the run that is done, 0 to 1; 0 while the number of steps is unknown. */
export function progressOf(run: RunView): number {
  return run.totalSteps > 0 ? Math.min(1, run.step / run.totalSteps) : 0;
}

/** The lowest evaluation loss and its step. */
export function bestEvaluation(run: RunView): { step: number; loss: number } | undefined {
  const { step, loss } = run.evaluations;
  let best = -1;
  for (let i = 0; i < loss.length; i++) if (best < 0 || loss[i] < loss[best]) best = i;
  return best < 0 ? undefined : { step: step[best], loss: loss[best] };
}

/** One line that names the method: `LoRA r 8, α 16 · lr 1e-3 · builtin:tiny`. */
export function describeConfig(config: RunConfig): string {
  const rate = config.method.type === 'few-shot' ? [] : [`lr ${formatRate(config.training.learning_rate)}`];
  return [describeMethod(config), ...rate, config.model].join(' · ');
}

/** What `config` changes against `base`, as `r 8 → 16`, `budget_mib 24`, `no budget_mib`; the name is left out. */
export function describeDifferences(config: RunConfig, base: RunConfig): string[] {
  const before = leaves(base);
  const after = leaves(config);
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter(path => path !== 'name' && before.get(path) !== after.get(path))
    .map(path => describeChange(path.slice(path.lastIndexOf('.') + 1), before.get(path), after.get(path)));
}

function describeChange(key: string, before: string | undefined, after: string | undefined): string {
  if (after === undefined) return `no ${key}`;
  return before === undefined ? `${key} ${after}` : `${key} ${before} → ${after}`;
}

function leaves(value: object, prefix = '', into = new Map<string, string>()): Map<string, string> {
  for (const [key, item] of Object.entries(value) as [string, unknown][]) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) leaves(item, path, into);
    else if (item !== undefined) into.set(path, typeof item === 'string' ? item : JSON.stringify(item));
  }
  return into;
}

export interface RunButton {
  readonly label: string;
  readonly icon: string;
  readonly primary?: boolean;
  readonly disabled?: boolean;
  readonly does: { readonly command: EngineCommand } | { readonly action: DashboardAction };
}

/** The header's buttons, the main one first. A live run keeps the same three places, so nothing moves under the pointer. */
export function buttonsOf(run: RunView): RunButton[] {
  const step = (disabled: boolean): RunButton => command('Step', 'debug-step-over', 'step', disabled);
  const stop = command('Stop', 'debug-stop', 'stop');
  switch (run.state) {
    case 'queued':
      return [];
    case 'starting':
      return [command('Pause', 'debug-pause', 'pause', true), step(true), stop];
    case 'running':
      return [{ ...command('Pause', 'debug-pause', 'pause'), primary: true }, step(true), stop];
    case 'paused':
      return [{ ...command('Resume', 'debug-continue', 'resume'), primary: true }, step(false), stop];
    case 'stopping':
      return [
        command('Pause', 'debug-pause', 'pause', true),
        step(true),
        { ...stop, label: 'Stopping', disabled: true },
      ];
    case 'stopped':
    case 'interrupted':
    case 'failed':
    case 'completed':
      return endedButtons(run);
  }
}

function endedButtons(run: RunView): RunButton[] {
  const last = run.checkpoints.at(-1);
  const buttons: RunButton[] = [];
  if (isResumable(run.state) && last !== undefined) {
    buttons.push({ label: `Resume from step ${last.step}`, icon: 'debug-restart', does: { action: 'resume' } });
  }
  if (run.exported !== undefined) {
    const { type } = run.manifest.config.method;
    const label = type === 'full' ? 'Export model' : type === 'few-shot' ? 'Export shots' : 'Export adapter';
    buttons.push({ label, icon: 'export', does: { action: 'exportAdapter' } });
  }
  return buttons.map((item, i) => (i === 0 ? { ...item, primary: true } : item));
}

function command(label: string, icon: string, name: EngineCommand, disabled = false): RunButton {
  return { label, icon, disabled, does: { command: name } };
}
