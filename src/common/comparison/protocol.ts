import type { ComparisonDefinition } from './definition';
import type { ComparedVariant } from './groups';

/** Both ends must agree; a page from an older build is told to reload. */
export const comparisonVersion = 1;

/** Comparison page → host. */
export interface ComparisonRequests {
  /** First message of a page: the address of its `comparison.json`, if an earlier life of the page left one. */
  hydrate: { params: { comparison?: string }; result: ComparisonSnapshot };
  openRun: { params: { runId: string }; result: { accepted: true } };
  /** Opens the config of a variant, by its file name. */
  openConfig: { params: { config: string }; result: { accepted: true } };
  /** Queues the variants that have neither a result nor a place in the queue. */
  queueMissing: { params: Record<never, never>; result: { queued: number } };
  /** Saves text or an image the page rendered, through a save dialog. */
  save: { params: { name: string; content: string | Uint8Array }; result: { saved: boolean } };
}

export interface ComparisonSnapshot {
  readonly version: number;
  /** Address of the `comparison.json`. */
  readonly comparison: string;
  readonly definition: ComparisonDefinition;
  readonly variants: readonly ComparedVariant[];
}

/** Host → comparison page: variants that changed, each whole; the page replaces those it has of the same config. */
export type ComparisonNotification =
  | { readonly type: 'snapshot'; readonly snapshot: ComparisonSnapshot }
  | { readonly type: 'variants'; readonly variants: readonly ComparedVariant[] };

/** Whether a variant waits for nobody: it was never run, or its run was lost. */
export function isMissing({ run, isQueued }: ComparedVariant): boolean {
  return !isQueued && (run === undefined || run.state === 'failed' || run.state === 'interrupted');
}
