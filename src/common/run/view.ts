import type { RunConfig } from '../config/schema';
import type { Problem } from '../errors';
import type {
  AdapterInfo,
  EvaluationDraw,
  ImportanceReport,
  MemoryBytes,
  RunEvent,
  RunState,
  Timeline,
  Transfer,
} from './events';

/** `run.json`: written once when the run is created. */
export interface RunManifest {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly config: RunConfig;
  /** The config file, relative to the workspace folder. */
  readonly configPath: string;
  readonly model: { readonly label: string; readonly fingerprint: string };
  readonly data: { readonly train: string; readonly eval?: string };
  readonly engineVersion: string;
  readonly parent?: { readonly runId: string; readonly step: number };
}

/** Equal-length columns, append-only; plain arrays so that they cross `postMessage` and JSON unchanged. */
export interface MetricSeries {
  readonly step: number[];
  readonly loss: number[];
  readonly learningRate: number[];
  readonly gradNorm: number[];
  readonly tokensPerSecond: number[];
  /** All tokens of the step, and the milliseconds it took. */
  readonly tokens: number[];
  readonly stepMs: number[];
}

/** What offloading moved for a step; see the event of the same name. */
export interface StepTransfers {
  readonly step: number;
  readonly up: number;
  readonly down: number;
  readonly ms: number;
  readonly list?: readonly Transfer[];
}

/** Everything a view shows about a run: `fold` over its manifest and events, nothing else. */
export interface RunView {
  readonly manifest: RunManifest;
  state: RunState;
  /** `seq` of the last event folded in. */
  seq: number;
  problem?: Problem;
  adapter?: AdapterInfo;
  totalSteps: number;
  step: number;
  trainableParameters: number;
  totalParameters: number;
  trainRows: number;
  evalRows: number;
  skippedRows: number;
  truncatedRows: number;
  stepsPerEpoch: number;
  metrics: MetricSeries;
  /** `exactMatch` is null where it was not asked for. */
  evaluations: { step: number[]; loss: number[]; exactMatch: (number | null)[] };
  /** Few-shot prompting: the draws of the latest evaluation. */
  draws?: readonly EvaluationDraw[];
  samples: { step: number; prompt: string; completion: string; tokens: number }[];
  importance: ({ step: number } & ImportanceReport)[];
  memory?: { forecast: MemoryBytes; measured: MemoryBytes };
  timeline?: Timeline;
  /** Of the latest step; `list` is the latest that was reported. */
  transfers?: StepTransfers;
  checkpoints: { step: number; path: string; evalLoss?: number; best: boolean }[];
  warnings: Problem[];
  exported?: string;
  startedAt?: number;
  updatedAt: number;
  /** Milliseconds of the most recent steps, from which `stepMs` comes. */
  stepTimes: number[];
  /** Median milliseconds a step; undefined until three steps are in. */
  stepMs?: number;
}

/** Type of the fold that the host and the dashboard share (see `fold.ts`): mutates and returns `view`. */
export type Fold = (view: RunView, event: RunEvent) => RunView;
