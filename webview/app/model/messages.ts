import { isActive } from '../../../src/common/run/stateMachine';
import type { RunView } from '../../../src/common/run/view';
import type { Tone } from './run';

export interface Message {
  readonly tone: Tone;
  readonly title: string;
  readonly detail: string;
}

/** The banner that a run's state calls for, if any: failed, interrupted, stopped by a problem. */
export function stateMessage(run: RunView): Message | undefined {
  const problem = run.problem;
  if (run.state === 'failed') {
    return {
      tone: 'error',
      title: problem?.message ?? `The run failed at step ${run.step}.`,
      detail: problem?.hint ?? 'The output channel says what happened.',
    };
  }
  if (run.state === 'interrupted') {
    return {
      tone: 'warning',
      title: problem?.message ?? `The run was cut off at step ${run.step}.`,
      detail: problem?.hint ?? resumeHint(run),
    };
  }
  if (problem !== undefined) return { tone: 'warning', title: problem.message, detail: problem.hint };
  return undefined;
}

function resumeHint(run: RunView): string {
  const last = run.checkpoints.at(-1);
  if (last === undefined) return 'There is no checkpoint yet, so it starts again from step 0.';
  return `Resume continues from the checkpoint at step ${last.step}; the losses are the same as without the interruption.`;
}

/** What stands in the main chart before the first step. */
export function startMessage(run: RunView): string {
  if (run.state === 'queued') return 'Queued. The run starts when the GPU is free.';
  if (run.state === 'starting') return 'Starting: loading the model and compiling for the GPU.';
  return waitingMessage(run, 'step');
}

/** What stands in any other card that has nothing to show yet. */
export function waitingMessage(run: RunView, what: string): string {
  const ahead = run.state === 'queued' || isActive(run.state);
  return ahead ? `Comes with the first ${what}.` : `The run ended before its first ${what}.`;
}
