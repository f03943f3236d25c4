import { toProblem, type Problem } from '../common/errors';
import type { EngineNotification, TrainJob } from '../common/protocol';
import type { RunState, TrainEvent, TrainOutput } from '../common/run/events';
import { canMove } from '../common/run/stateMachine';
import type { RunWriter } from './runFolder';

/** How a run left the engine. */
export interface Ending {
  /** The run was asked to stop before its last step. */
  readonly stopped: boolean;
  readonly problem?: Problem;
}

export interface ActiveRunHooks {
  /** Resolves if this window may still write to the run; rejects otherwise. */
  beforeWrite(): Promise<void>;
  /** Something could not be written. Nothing is lost; it will be written after {@link ActiveRun.retry}. */
  onHeld(problem: Problem): void;
  /** The engine is done and everything it sent is on disk. */
  onEnded(ending: Ending): void;
}

/**
 * What the engine sends about one run, put on disk strictly in order. When a write fails the rest waits: the piece that
 * failed stays at the head and is tried again on request, so a full disk costs time but no data.
 */
export class ActiveRun {
  private readonly pieces: (() => Promise<void>)[] = [];
  private busy = false;
  /** What the result said; undefined while there is none. */
  private stopped: boolean | undefined;
  heldBy: Problem | undefined;
  restarts = 0;

  constructor(
    readonly writer: RunWriter,
    /** The job without a checkpoint, for starting it again. */
    readonly job: TrainJob,
    private readonly hooks: ActiveRunHooks,
  ) {}

  get id(): string {
    return this.writer.view.manifest.id;
  }

  /** Queues what a notification brings. */
  take(body: EngineNotification): void {
    switch (body.type) {
      case 'outputs':
        for (const group of groupOutputs(body.outputs)) this.addOutput(group);
        return;
      case 'paused':
        this.setState('paused');
        return;
      case 'resumed':
        this.setState('running');
        return;
      case 'ended':
        this.add(() => {
          const stopped = this.stopped ?? this.writer.view.state === 'stopping';
          this.hooks.onEnded({ stopped, problem: body.problem });
          return Promise.resolve();
        });
        return;
      case 'ready':
        return;
      default:
        body satisfies never;
    }
  }

  /** Records a state, if the run may enter it from the state it is in by then. */
  setState(state: RunState, problem?: Problem): void {
    this.addEvents(() => (canMove(this.writer.view.state, state) ? [{ type: 'state', state, problem }] : []));
  }

  /** Tries again to write what is waiting. */
  retry(): void {
    this.heldBy = undefined;
    void this.pump();
  }

  private add(piece: () => Promise<void>): void {
    this.pieces.push(piece);
    void this.pump();
  }

  /** The writer keeps events whose write failed, so they are handed to it once and a second try brings no new ones. */
  private addEvents(events: () => Events): void {
    let handed = false;
    this.add(() => {
      const fresh = handed ? [] : events();
      handed = true;
      return this.writer.append(fresh);
    });
  }

  private async pump(): Promise<void> {
    if (this.busy || this.heldBy) return;
    this.busy = true;
    try {
      while (this.pieces.length > 0) {
        await this.hooks.beforeWrite();
        await this.pieces[0]();
        this.pieces.shift();
      }
    } catch (error) {
      this.heldBy = toProblem(error);
      this.hooks.onHeld(this.heldBy);
    } finally {
      this.busy = false;
    }
  }

  private addOutput(group: OutputGroup): void {
    switch (group.kind) {
      case 'events':
        return this.addEvents(() => group.events);
      case 'checkpoint':
        return this.add(() => this.writer.writeCheckpoint(group.step, group.files, group.evalLoss));
      case 'result':
        return this.add(async () => {
          this.stopped = group.stopped;
          await this.writer.writeResult(group.files);
        });
      default:
        group satisfies never;
    }
  }
}

type Events = Parameters<RunWriter['append']>[0];

type OutputGroup = { readonly kind: 'events'; readonly events: Events } | Exclude<TrainOutput, { kind: 'event' }>;

/** Neighbouring events become one write; the first report of a run says that it is running. */
export function groupOutputs(outputs: readonly TrainOutput[]): OutputGroup[] {
  const groups: OutputGroup[] = [];
  let events: (TrainEvent | { type: 'state'; state: 'running' })[] | undefined;
  for (const output of outputs) {
    if (output.kind !== 'event') {
      events = undefined;
      groups.push(output);
      continue;
    }
    if (!events) groups.push({ kind: 'events', events: (events = []) });
    events.push(output.event);
    if (output.event.type === 'started') events.push({ type: 'state', state: 'running' });
  }
  return groups;
}
