import type { RunState } from './events';

/** Every legal move. A run that was cut off, stopped or failed may start again from its last checkpoint. */
const moves: Readonly<Record<RunState, readonly RunState[]>> = {
  queued: ['starting', 'stopped'],
  starting: ['starting', 'running', 'stopping', 'stopped', 'interrupted', 'failed'],
  running: ['starting', 'paused', 'stopping', 'stopped', 'interrupted', 'completed', 'failed'],
  paused: ['starting', 'running', 'stopping', 'stopped', 'interrupted', 'completed', 'failed'],
  stopping: ['stopped', 'interrupted', 'completed', 'failed'],
  stopped: ['starting'],
  interrupted: ['starting', 'stopped'],
  failed: ['starting'],
  completed: [],
};

/** Whether a run in `from` may enter `to`. */
export function canMove(from: RunState, to: RunState): boolean {
  return moves[from].includes(to);
}

/** The engine is busy with the run, or was when its window went away. */
export function isActive(state: RunState): boolean {
  return state === 'starting' || state === 'running' || state === 'paused' || state === 'stopping';
}

/** The run can be taken up again from a checkpoint. */
export function isResumable(state: RunState): boolean {
  return !isActive(state) && canMove(state, 'starting') && state !== 'queued';
}
