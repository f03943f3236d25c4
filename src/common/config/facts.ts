import type { Problem } from '../errors';
import type { MemoryBytes, TimelinePoint, Transfer } from '../run/events';
import type { LoraConfig, RunConfig } from './schema';
import type { AdapterRates } from './stepTime';

/** What the rules may know beyond the text. Everything is optional: a rule whose facts are missing stays silent. */
export interface LintFacts {
  readonly files?: readonly FileFact[];
  readonly model?: ModelFacts;
  readonly data?: DataFacts;
  readonly adapter?: AdapterFacts;
  /** Tokens of each entry of `samples.prompts`. */
  readonly promptTokens?: readonly number[];
  readonly limits?: AdapterLimits;
  /** How fast this adapter was in earlier runs. */
  readonly rates?: AdapterRates;
  /** Plans a config without a GPU; the problem where it cannot be planned. */
  readonly forecast?: (config: RunConfig) => ForecastFacts | { readonly problem: Problem };
}

/** Something a config names by path. */
export interface FileFact {
  readonly key: 'model' | 'data.train' | 'data.eval' | 'method.adapter';
  /** Set when it cannot be used as it is. */
  readonly problem?: Problem;
  readonly state: 'found' | 'missing' | 'unusable' | 'outside';
}

/** A linear module that an adapter may target. */
export interface ModuleFact {
  /** Path in the transformers model, e.g. `model.layers.0.self_attn.q_proj`. */
  readonly path: string;
  /** Last part of the path. */
  readonly leaf: string;
  readonly block: number | null;
  readonly in: number;
  readonly out: number;
  readonly isOutputHead: boolean;
}

export interface TargetFact {
  readonly module: ModuleFact;
  readonly rank: number;
  readonly alpha: number;
}

/** What PEFT's matching rules make of a method, or why they refuse. */
export type Selection =
  | {
      readonly targets: readonly TargetFact[];
      /** Patterns that match no targeted module. */
      readonly unmatched: { readonly rank_pattern: readonly string[]; readonly alpha_pattern: readonly string[] };
    }
  | { readonly problem: Problem };

/** What decides which modules a method adapts. */
export type TargetedMethod = Pick<
  LoraConfig,
  'target_modules' | 'exclude_modules' | 'layers_to_transform' | 'r' | 'lora_alpha'
> &
  Partial<Pick<LoraConfig, 'rank_pattern' | 'alpha_pattern'>>;

export interface ModelFacts {
  readonly family: 'gpt2' | 'llama';
  readonly hiddenSize: number;
  readonly layers: number;
  readonly maxPositions: number;
  readonly vocabSize: number;
  readonly tiedEmbeddings: boolean;
  readonly parameters: number;
  readonly modules: readonly ModuleFact[];
  select(method: TargetedMethod): Selection;
}

/** One data file. */
export interface SplitFacts {
  readonly rows: number;
  /** Rows that repeat an earlier one after normalising case and white space. */
  readonly duplicates: number;
  /** Tokens of each row before any cut, for the first rows of a large file; absent without a tokenizer. */
  readonly tokens?: readonly number[];
  /** For each row of `tokens`, index of the first token that carries loss; `Infinity` if none does. */
  readonly firstLoss?: readonly number[];
  readonly problem?: Problem;
}

export interface DataFacts {
  readonly train?: SplitFacts;
  readonly eval?: SplitFacts;
  /** Evaluation rows whose whole text is also a training row. */
  readonly sameText: number;
  /** Evaluation rows whose prompt is also a training prompt, with another answer. */
  readonly samePrompt: number;
}

/** What an existing adapter's `adapter_config.json` says. */
export interface AdapterFacts {
  readonly r?: number;
  /** AdaLoRA. */
  readonly init_r?: number;
  readonly lora_alpha?: number;
  readonly use_rslora?: boolean;
  /** Prefix-tuning: width of the keys, and whether a network made them. */
  readonly token_dim?: number;
  readonly prefix_projection?: boolean;
}

/** What the planner says about a run; bytes unless named otherwise. */
export interface ForecastFacts {
  readonly bytes: MemoryBytes;
  /** On the GPU. */
  readonly total: number;
  /** In host memory and on disk, in place of GPU memory. */
  readonly host: number;
  readonly disk: number;
  /** What travels in an optimizer step, in all and by kind. */
  readonly transfers: TransferFacts & {
    readonly kinds: Readonly<Partial<Record<Transfer['kind'], TransferFacts>>>;
  };
  /** The op at which most is live on the GPU. */
  readonly peak: {
    readonly op: string;
    readonly block?: number;
    readonly phase: TimelinePoint['phase'];
    readonly bytes: number;
  };
  readonly trainableParameters: number;
  readonly totalParameters: number;
}

/** From the host to the GPU, and back. */
export interface TransferFacts {
  readonly up: number;
  readonly down: number;
}

/** WebGPU limits in bytes. */
export interface AdapterLimits {
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
}
