import type { Problem } from '../errors';
import type { Changes } from './changes';
import type { Control } from './controls';
import type { Outcome } from './outcome';

/** Both ends must agree; a page from an older build is told to reload. */
export const estimateVersion = 1;

/** Estimate page → host. */
export interface EstimateRequests {
  /** Plans the config, with the page's present changes and with those of each scenario it keeps. */
  estimate: { params: EstimateQuestion; result: EstimateSnapshot };
  /** Writes changes into the document, as one edit that can be undone. */
  apply: { params: { changes: Changes }; result: { applied: boolean } };
  /** Shows the config, at a place in it. */
  openConfig: { params: { line?: number }; result: { accepted: true } };
  /** Saves text that the page rendered, through a save dialog. */
  save: { params: { name: string; content: string }; result: { saved: boolean } };
}

export interface EstimateQuestion {
  /** Address of the config, if an earlier life of the page left one. */
  readonly config?: string;
  readonly changes: Changes;
  readonly scenarios: readonly Changes[];
}

/** What is wrong, and the line of the config it is about, counted from 1. */
export interface Trouble extends Pick<Problem, 'message' | 'hint'> {
  readonly code: string;
  readonly line?: number;
}

/** The config in numbers, or why there are none. */
export type EstimateSnapshot = {
  readonly version: number;
  /** Address of the config. */
  readonly config: string;
  readonly name: string;
} & (EstimateNumbers | { readonly blocked: 'config' | 'model'; readonly troubles: readonly Trouble[] });

export interface EstimateNumbers {
  readonly blocked?: undefined;
  readonly model: string;
  /** Keys that can be changed, with the values of the config. */
  readonly controls: readonly Control[];
  readonly asIs: Outcome;
  /** With the page's present changes. */
  readonly changed: Outcome;
  /** One for each scenario of the question. */
  readonly scenarios: readonly Outcome[];
}

/** Host → estimate page: the config, its files or the limits of the GPU changed, so the page asks again. */
export interface EstimateNotification {
  readonly type: 'changed';
}
