import type { RunConfig } from '../common/config/schema';
import type { Problem } from '../common/errors';
import type { Disposable } from '../common/lifecycle';
import type { EngineNotification, EngineRequests } from '../common/protocol';
import type { BuiltJob } from './builtJob';

/** The engine as the controller sees it: somewhere behind a view, a page and a worker. */
export interface EngineLink {
  /** Opens the engine if need be and resolves when it takes requests. Rejects with `engine.notReady` after a while. */
  ready(): Promise<void>;
  request<K extends keyof EngineRequests>(
    method: K,
    params: EngineRequests[K]['params'],
  ): Promise<EngineRequests[K]['result']>;
  /** Resolves when the page has answered, which it does even while the worker is busy. */
  ping(): Promise<void>;
  onNotification(listener: (body: EngineNotification) => void): Disposable;
  /** The page or its worker is gone, and with it the run. */
  onLost(listener: (problem: Problem) => void): Disposable;
}

/** Reads what a config names. */
export interface JobSource {
  /** @throws the first error of the config, with its line. */
  check(configText: string, configPath: string): RunConfig;
  /** @param folder key of the workspace folder. */
  build(config: RunConfig, folder: string, configPath: string): Promise<BuiltJob>;
}

/** Time, from outside. */
export interface Timer {
  /** Epoch milliseconds. */
  readonly now: () => number;
  sleep(ms: number): Promise<void>;
  /** Calls `work` every `ms` until disposed. */
  every(ms: number, work: () => void): Disposable;
}
