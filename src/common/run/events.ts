import type { Problem } from '../errors';

/** GPU-side memory categories, and the two host-side ones for what was offloaded. Every byte has exactly one. */
export const memoryCategories = [
  'weights',
  'adapter',
  'gradients',
  'optimizer',
  'activations',
  'workspace',
  'kvCache',
  'staging',
  'offloadedCpu',
  'offloadedDisk',
] as const;
export type MemoryCategory = (typeof memoryCategories)[number];
/** Bytes by category; a missing category is zero. */
export type MemoryBytes = Partial<Record<MemoryCategory, number>>;

export type RunState =
  'queued' | 'starting' | 'running' | 'paused' | 'stopping' | 'stopped' | 'interrupted' | 'completed' | 'failed';

export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** True for SwiftShader, lavapipe and the like: right answers, no speed. */
  readonly software: boolean;
  readonly limits: { readonly maxBufferSize: number; readonly maxStorageBufferBindingSize: number };
}

/** One importance table: a value per (module row, block column); `null` where the module has no adapter. */
export interface ImportanceTable {
  /**
   * Metric id: `gradient_norm` (the lecture's I_k), `update_norm` (‖ΔW‖_F = s·‖BA‖_F), `effective_rank`; AdaLoRA:
   * `score`, `kept_rank`; WeightLoRA: `omega`, `share` (the lecture's s_i), `kept`; bottleneck: `gate_norm`;
   * prefixes and prompts: `attention_mass`; few-shot: `implicit_update` (‖ΔW‖_F that the shots stand for).
   */
  readonly metric: string;
  /** Row labels, e.g. `q_proj`, or `head 3`. */
  readonly modules: readonly string[];
  /** Column labels: block numbers. */
  readonly blocks: readonly number[];
  /** `values[row][column]`. */
  readonly values: readonly (readonly (number | null)[])[];
}

/** Why one low-rank triplet was kept or pruned (AdaLoRA). */
export interface TripletFate {
  /** Smoothed sensitivity and its uncertainty, summed over the triplet as the score is. */
  readonly sensitivity: number;
  readonly uncertainty: number;
  readonly score: number;
  /** Place among all triplets by score, 1 is the most important. */
  readonly place: number;
  readonly kept: boolean;
}

/** What a method says about what matters, at one step. */
export interface ImportanceReport {
  readonly tables: readonly ImportanceTable[];
  /** Ranks in use beside the schedule's number (AdaLoRA), or adapters kept (WeightLoRA). */
  readonly budget?: { readonly planned: number; readonly actual: number };
  /**
   * Per cell of the tables, `triplets[row][column]`; `null` where the module has no adapter. In every report of AdaLoRA,
   * with numbers of five significant digits; lines of the log hold them as lists (`tripletLines.ts`), readers get objects.
   */
  readonly triplets?: readonly (readonly (readonly TripletFate[] | null)[])[];
}

/** One draw of few-shot examples, with these training rows (from 0) before each evaluation row. */
export interface EvaluationDraw {
  readonly rows: readonly number[];
  readonly loss: number;
  /** Σ log p of the expected completions. */
  readonly logLikelihood: number;
  readonly exactMatch?: number;
}

/** One point of the memory curve within a step: live bytes by category after dispatch `op` was recorded. */
export interface TimelinePoint {
  /** `recompute`: part of a block's forward pass once more, before its backward pass (gradient checkpointing). */
  readonly phase: 'forward' | 'recompute' | 'backward' | 'optimizer';
  /** Node name, e.g. `layers.3.mlp.down_proj`. */
  readonly op: string;
  readonly activations: number;
  readonly workspace: number;
}

/** One move of data between the device and where it waits: host memory or a disk. */
export interface Transfer {
  readonly kind: 'parameters' | 'optimizer' | 'activations';
  /** `up`: to the device. */
  readonly direction: 'up' | 'down';
  /** For people, e.g. `block 3`. */
  readonly what: string;
  readonly bytes: number;
  /** Milliseconds that the engine waited for it; what overlaps with computing costs none. */
  readonly ms: number;
}

/** Where in a step something moves. */
export interface TimelineTransfer extends Omit<Transfer, 'ms'> {
  /** Of the dispatch that needs what comes up, or behind which it goes down. */
  readonly index: number;
}

/** A tensor of the curve, alive from dispatch `first` to `last`. */
export interface TimelineTensor {
  readonly name: string;
  readonly category: 'activations' | 'workspace';
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Live memory over the dispatches of one step. */
export interface Timeline {
  readonly points: readonly TimelinePoint[];
  /** Constant bytes below the curve. */
  readonly fixed: MemoryBytes;
  readonly peak: { readonly index: number; readonly bytes: number };
  /** What offloading moves during the step, in order. */
  readonly transfers?: readonly TimelineTransfer[];
  /** Those that are among the largest alive at some dispatch, largest first. */
  readonly tensors?: readonly TimelineTensor[];
}

/**
 * What the engine reports while it trains; the same objects travel worker → page → host → disk → views.
 * Steps are optimizer steps, counted from 1; step 0 is the state before any update.
 */
export type TrainEvent =
  | {
      readonly type: 'started';
      readonly adapter: AdapterInfo;
      readonly totalSteps: number;
      readonly startStep: number;
      readonly trainableParameters: number;
      readonly totalParameters: number;
      readonly trainRows: number;
      readonly evalRows: number;
      readonly skippedRows: number;
      readonly truncatedRows: number;
      readonly stepsPerEpoch: number;
    }
  | {
      readonly type: 'metrics';
      readonly step: number;
      /** Token mean over the whole accumulation window, before the update. */
      readonly loss: number;
      readonly learningRate: number;
      /** Global 2-norm over all trainable tensors, before clipping. */
      readonly gradNorm: number;
      /** Loss tokens in the window. */
      readonly lossTokens: number;
      /** All tokens in the window. */
      readonly tokens: number;
      readonly epoch: number;
      /** Milliseconds this step took, by the embedder's clock. */
      readonly stepMs: number;
      readonly tokensPerSecond: number;
      /** What the method adds to the loss, by name, e.g. AdaLoRA's `orthogonality`; not part of `loss`. */
      readonly terms?: Readonly<Record<string, number>>;
    }
  | {
      readonly type: 'evaluation';
      readonly step: number;
      readonly loss: number;
      readonly lossTokens: number;
      /** Share of rows whose greedy completion equals the expected one, where it was asked for. */
      readonly exactMatch?: number;
      /** Few-shot: each draw of shots so far; `loss` and `exactMatch` are their means. */
      readonly draws?: readonly EvaluationDraw[];
    }
  | {
      readonly type: 'sample';
      readonly step: number;
      readonly prompt: string;
      readonly completion: string;
      readonly tokens: number;
    }
  | ({ readonly type: 'importance'; readonly step: number } & ImportanceReport)
  | { readonly type: 'memory'; readonly forecast: MemoryBytes; readonly measured: MemoryBytes }
  | ({ readonly type: 'timeline' } & Timeline)
  | {
      /** What offloading moved for a step, in bytes, and the milliseconds that the step waited for it. */
      readonly type: 'transfers';
      readonly step: number;
      readonly up: number;
      readonly down: number;
      readonly ms: number;
      /** Each move in order, with the steps that report importance. */
      readonly list?: readonly Transfer[];
    }
  | { readonly type: 'warning'; readonly problem: Problem }
  | { readonly type: 'deviceLost'; readonly step: number; readonly message: string };

/** What the host adds: state changes, checkpoints that are safely on disk, the result. */
export type HostEvent =
  | { readonly type: 'state'; readonly state: RunState; readonly problem?: Problem }
  | {
      readonly type: 'checkpoint';
      readonly step: number;
      readonly path: string;
      readonly evalLoss?: number;
      readonly best: boolean;
    }
  /** Checkpoint folders that were removed because of `save_total_limit`. */
  | { readonly type: 'pruned'; readonly steps: readonly number[] }
  | { readonly type: 'exported'; readonly path: string };

/** A line of the run's `events` file: `seq` counts from 1 without gaps, `time` is epoch milliseconds. */
export type RunEvent = (TrainEvent | HostEvent) & { readonly seq: number; readonly time: number };

/** Named binary files: an adapter folder, or a checkpoint folder. Names are relative, without `..`. */
export type FileSet = Readonly<Record<string, Uint8Array>>;

/**
 * What the train generator yields. Files are not events: the embedder writes them to disk, then records the
 * `checkpoint` or `exported` event that says so.
 */
export type TrainOutput =
  | { readonly kind: 'event'; readonly event: TrainEvent }
  | { readonly kind: 'checkpoint'; readonly step: number; readonly files: FileSet; readonly evalLoss?: number }
  | { readonly kind: 'result'; readonly files: FileSet; readonly stopped: boolean };
