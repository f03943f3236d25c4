import type { RunConfig } from './config/schema';
import type { Problem } from './errors';
import type { AdapterInfo, FileSet, MemoryBytes, MemoryCategory, RunEvent, RunState, TrainOutput } from './run/events';
import type { RunView } from './run/view';

/** Both ends must agree; a page from an older build is told to reload. */
export const protocolVersion = 1;

/** A model as the engine needs it: small files as text, weights as places to read (`uri`) or bytes. */
export interface ModelFiles {
  readonly label: string;
  readonly config: string;
  readonly tokenizer: string;
  readonly tokenizerConfig?: string;
  readonly chatTemplate?: string;
  readonly generationConfig?: string;
  /** Safetensors shards in order. */
  readonly weights: readonly WeightFile[];
}

/**
 * A weight file on its way to the engine: its address (an `asWebviewUri`), which the page fetches as a blob, which the
 * worker reads in pieces; or all its bytes, where there is no address.
 */
export type WeightFile = { readonly name: string } & (
  | { readonly uri: string }
  | { readonly blob: FileBlob }
  | { readonly source: ByteSource }
  | { readonly bytes: Uint8Array }
);

/** A browser's `Blob`: a handle that costs nothing to pass on, while the bytes stay where the browser keeps them. */
export interface FileBlob {
  readonly size: number;
  readonly type: string;
}

/** The bytes of a file, read where they are wanted, so that nobody has to hold them all. */
export interface ByteSource {
  readonly size: number;
  /** Bytes from `begin` to before `end`, both within the file. Not to be written to. Throws where reading fails. */
  slice(begin: number, end: number): Uint8Array;
}

/** Everything a run needs, self-contained: the engine reads no file and no URL beyond these. */
export interface TrainJob {
  readonly runId: string;
  readonly config: RunConfig;
  readonly model: ModelFiles;
  readonly train: Uint8Array;
  readonly trainLabel: string;
  readonly eval?: Uint8Array;
  readonly evalLabel?: string;
  /** PEFT adapter folder to start from (`method.adapter`). */
  readonly adapter?: FileSet;
  /** Checkpoint folder to resume from; losses then continue bit-identically. */
  readonly checkpoint?: FileSet;
}

/** A model to generate with. It stays on the GPU until another one, a run or `closeModel` takes its place. */
export interface GenerationModel {
  /** Tells this model from others: contents, storage and room. */
  readonly key: string;
  readonly model: ModelFiles;
  /** How the weights are stored. */
  readonly memory: RunConfig['memory'];
  /** Most tokens of a text. */
  readonly rows: number;
  /** Which ways to generate it is loaded for: with a cache, by full passes, or both. */
  readonly ways: 'cache' | 'full' | 'both';
}

/** An adapter at work, `config` that of its run. */
export interface GenerationAdapter {
  readonly name: string;
  readonly files: FileSet;
  readonly weight: number;
  readonly config?: RunConfig;
}

/** A text to complete. */
export interface GenerationJob {
  /** Of the model that was opened. */
  readonly key: string;
  readonly adapters: readonly GenerationAdapter[];
  readonly prompt: string;
  readonly samples: RunConfig['samples'];
  readonly seed: number;
}

/** The whole completion; `cancelled` if it was ended by `cancelGeneration`. */
export interface GenerationResult {
  readonly text: string;
  readonly tokens: number;
  /** Milliseconds from the prompt to the last token. */
  readonly ms: number;
  readonly cancelled: boolean;
}

/** Milliseconds for one more token at growing lengths, with and without the key-value cache; none if it was cancelled. */
export interface CacheComparison {
  readonly times: readonly { readonly length: number; readonly cachedMs: number; readonly fullMs: number }[];
  readonly gpu: string;
  readonly kvCacheBytes: number;
  readonly cancelled: boolean;
}

export type EngineCommand = 'pause' | 'resume' | 'step' | 'stop' | 'checkpoint';

/** Host → engine page → worker. Each is answered: `{ ok: true, result }` or `{ ok: false, problem }`. */
export interface EngineRequests {
  /** Takes an adapter and a device; answers what it found. */
  probe: { params: Record<never, never>; result: AdapterInfo };
  /** Answers once the run has been accepted, which waits for a text under way; its outputs follow as notifications, the last one says `ended`. */
  start: { params: { job: TrainJob }; result: { accepted: true } };
  command: { params: { runId: string; command: EngineCommand }; result: { accepted: true } };
  /** Puts a model on the GPU. Refused with `engine.busy` while a run trains or a text is completed. */
  openModel: { params: { job: GenerationModel }; result: { accepted: true } };
  /** Completes a text; `generated` notifications tell how it grows. `generate.notLoaded` if another model is there. */
  generate: { params: { job: GenerationJob }; result: GenerationResult };
  /** Times generation of a model that was opened for both ways; refused as `generate` is. */
  compareCache: { params: { job: GenerationJob }; result: CacheComparison };
  cancelGeneration: { params: Record<never, never>; result: { accepted: true } };
  /** Frees the memory of the model. */
  closeModel: { params: Record<never, never>; result: { accepted: true } };
  /** Runs checks for GPU Doctor: each line has a verdict and what to do about it. */
  doctor: { params: Record<never, never>; result: { lines: readonly DoctorLine[] } };
  /** For tests and for the doctor page: destroys the device as a driver reset would. */
  loseDevice: { params: Record<never, never>; result: { accepted: true } };
}

export interface DoctorLine {
  readonly check: string;
  readonly verdict: 'ok' | 'warning' | 'error';
  readonly detail: string;
  readonly hint?: string;
}

/** Worker → engine page → host, in order, at most ten messages a second per run. */
export type EngineNotification =
  | { readonly type: 'ready'; readonly version: number }
  | { readonly type: 'outputs'; readonly runId: string; readonly outputs: readonly TrainOutput[] }
  | { readonly type: 'ended'; readonly runId: string; readonly problem?: Problem }
  | { readonly type: 'paused' | 'resumed'; readonly runId: string };

/** Worker → engine page → host: the completion so far, at most ten times a second. */
export interface GenerationNotification {
  readonly type: 'generated';
  readonly text: string;
  readonly tokens: number;
}

/** Engine page → host, beside what it relays from the worker. */
export type EnginePageNotification =
  | { readonly type: 'pong' }
  /** A button was pressed; the host knows which run it means. */
  | { readonly type: 'pressed'; readonly command: EngineCommand }
  /** The worker is gone, and the run with it; the page starts another one. */
  | { readonly type: 'workerFailed'; readonly problem: Problem };

/** Host → engine page. `ping` is answered by the page itself, also while the worker is busy. */
export type EnginePageMessage = { readonly type: 'ping' } | { readonly type: 'status'; readonly status: EngineStatus };

/** What the engine page shows, ready to print. */
export interface EngineStatus {
  readonly adapter?: AdapterInfo;
  readonly problem?: Problem;
  readonly run?: {
    readonly name: string;
    readonly state: RunState;
    readonly step: number;
    readonly totalSteps: number;
    /** e.g. `loss 1.92 · 1.4 k tokens/s · 4 min left`. */
    readonly detail: string;
    readonly memory?: MemoryBytes;
    readonly problem?: Problem;
  };
}

/** Every text of the engine's page, in the language of the editor. */
export interface EngineLabels {
  readonly starting: string;
  readonly idle: string;
  readonly softwareAdapter: string;
  readonly memory: string;
  /** With `{0}` for the step and `{1}` for the number of steps. */
  readonly progress: string;
  readonly buttons: Readonly<Record<'pause' | 'resume' | 'step' | 'stop', string>>;
  readonly states: Readonly<Record<RunState, string>>;
  readonly categories: Readonly<Record<MemoryCategory, string>>;
}

/** Dashboard → host. */
export interface DashboardRequests {
  /** First message of a page: which run it shows (restored from its serialized state), answered with a full picture. */
  hydrate: { params: { runId?: string }; result: DashboardSnapshot };
  command: { params: { runId: string; command: EngineCommand }; result: { accepted: true } };
  /** Runs one of the extension's commands on this run (export adapter, reveal folder, delete, export table …). */
  invoke: { params: { runId: string; action: DashboardAction }; result: { accepted: true } };
  /** Takes a run out of the charts of all dashboards, or puts it in. */
  overlay: { params: { runId: string; shown: boolean }; result: { accepted: true } };
  /** Saves text or an image the page rendered, through a save dialog. */
  save: { params: { name: string; content: string | Uint8Array }; result: { saved: boolean } };
}

export type DashboardAction = 'exportAdapter' | 'revealFolder' | 'openConfig' | 'delete' | 'resume' | 'showOutput';

export interface DashboardSnapshot {
  readonly version: number;
  /** The folded state of the runs on show; the first is the main one, the rest are overlays. */
  readonly runs: readonly RunView[];
}

/** Host → dashboard. `deltas` carry consecutive `seq`; a gap makes the page hydrate again. */
export type DashboardNotification =
  | { readonly type: 'snapshot'; readonly snapshot: DashboardSnapshot }
  | { readonly type: 'deltas'; readonly runId: string; readonly events: readonly RunEvent[] };

/** One frame on any wire. */
export type Frame =
  | { readonly kind: 'request'; readonly id: number; readonly method: string; readonly params: unknown }
  | { readonly kind: 'response'; readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly kind: 'response'; readonly id: number; readonly ok: false; readonly problem: Problem }
  | { readonly kind: 'notification'; readonly body: unknown };
