import type { Program } from '../graph/recorder';
import { byteLength, type Tensor } from '../graph/tensor';
import { align } from './layout';

export interface Life {
  readonly first: number;
  readonly last: number;
}

export interface Lives {
  /** Values that a backward dispatch reads, or that run-again nodes take from the forward pass or the host. */
  readonly activations: Map<Tensor, Life>;
  /** All other values, gradients of values, scratch. */
  readonly workspace: Map<Tensor, Life>;
}

/**
 * Lifetimes of all planned tensors of several programs. Programs never run at the same time, so each gets its own
 * stretch of the common time axis and they share the arenas.
 */
export function livesOf(programs: readonly Program[]): Lives {
  const lives: Lives = { activations: new Map(), workspace: new Map() };
  let clock = 0;
  for (const program of programs) clock = addProgram(lives, program, clock);
  return lives;
}

interface Seen {
  readonly tensor: Tensor;
  readonly first: number;
  last: number;
  saved: boolean;
  /** Made in the forward pass. */
  readonly forward: boolean;
}

function addProgram(lives: Lives, program: Program, start: number): number {
  const seen = new Map<number, Seen>();
  const fromHost = new Set(program.parked?.map(({ copy }) => copy.id));
  let at = start;
  for (const { bindings, phase } of program.dispatches) {
    for (const tensor of bindings) {
      if (tensor.role !== 'value' && tensor.role !== 'temporary') continue;
      const known = seen.get(tensor.id);
      if (!known) {
        seen.set(tensor.id, { tensor, first: at, last: at, saved: false, forward: phase === 'forward' });
        continue;
      }
      const kept = phase === 'backward' || (phase === 'recompute' && known.forward);
      if (kept && tensor.role === 'value' && known.first < at) known.saved = true;
      known.last = at;
    }
    at++;
  }
  for (const { tensor, first, last, saved } of seen.values())
    (saved || fromHost.has(tensor.id) ? lives.activations : lives.workspace).set(tensor, { first, last });
  return at;
}

/** Live bytes of one program's planned tensors at each of its dispatches. */
export function liveBytes(program: Program): { activations: number[]; workspace: number[] } {
  const lives = livesOf([program]);
  const sweep = (tensors: ReadonlyMap<Tensor, Life>): number[] => {
    const change = new Array<number>(program.dispatches.length + 1).fill(0);
    for (const [tensor, life] of tensors) {
      const bytes = align(byteLength(tensor.shape, tensor.dtype));
      change[life.first] += bytes;
      change[life.last + 1] -= bytes;
    }
    let live = 0;
    return change.slice(0, -1).map(delta => (live += delta));
  };
  return { activations: sweep(lives.activations), workspace: sweep(lives.workspace) };
}
