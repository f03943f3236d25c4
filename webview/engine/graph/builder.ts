import { problem } from '../../../src/common/errors';
import type { Node } from './node';
import type { DType, Shape, Tensor } from './tensor';

/** With what a base matrix is needed: with its transformer block, or alone, as a part of a table. */
export type Turn = { readonly block: number } | 'table';

/** How a parameter takes part in a run. */
export interface ParameterSpec {
  readonly tensor: Tensor;
  readonly category: 'weights' | 'adapter';
  readonly trainable: boolean;
  /** AdamW decays it (transformers' rule: no biases, no norms). */
  readonly decay: boolean;
  /** Factor on the learning rate (LoRA+ on B). */
  readonly lrScale: number;
  /** `sgd`: θ −= lr·g, without moments or decay. */
  readonly optimizer: Optimizer;
  /** Set for base matrices: frozen, they may live on the host between uses. */
  readonly turn?: Turn;
}

export type Optimizer = 'adamw' | 'sgd';

export interface ParameterOptions {
  readonly dtype?: DType;
  /** For a matrix stored in blocks. */
  readonly tables?: Tensor;
  readonly category?: 'weights' | 'adapter';
  readonly trainable?: boolean;
  readonly decay?: boolean;
  readonly lrScale?: number;
  readonly optimizer?: Optimizer;
  readonly turn?: Turn;
}

/** Tensors that outlive one graph: parameters, per-micro-batch inputs, accumulators. Every graph of an engine shares it. */
export class TensorTable {
  readonly parameters: ParameterSpec[] = [];
  readonly inputs: Tensor[] = [];
  readonly states: Tensor[] = [];
  /** What a method keeps between steps beside its parameters (running averages, masks); saved with checkpoints. */
  readonly methodStates: Tensor[] = [];
  /** Keys and values of generated text, per block. */
  readonly caches: Tensor[] = [];
  private readonly byName = new Map<string, Tensor>();

  /** With `frozen` no parameter trains, whatever its options say: an engine that only evaluates or generates. */
  constructor(readonly frozen = false) {}

  /** The tensor called `name`; made by `make` with a fresh id when it is new, then handed to `register`. */
  once(name: string, make: (id: number) => Tensor, register: (tensor: Tensor) => void): Tensor {
    const known = this.byName.get(name);
    if (known) return known;
    const tensor = make(this.byName.size);
    this.byName.set(name, tensor);
    register(tensor);
    return tensor;
  }

  methodState(name: string, shape: Shape): Tensor {
    return this.once(
      `method:${name}`,
      id => checked({ id, name, shape, dtype: 'f32', role: 'state' }),
      made => this.methodStates.push(made),
    );
  }
}

/**
 * Collects tensors and nodes in execution order. Building the same model again yields the same ids in the same order,
 * whatever the number of tokens, so a memory plan made for the largest micro-batch fits every smaller one.
 */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  private currentBlock: number | undefined;

  /** `firstId` starts this graph's own range of value ids; the table's ids stay far below it. */
  constructor(
    readonly table = new TensorTable(),
    private nextId = 100_000,
  ) {}

  get parameters(): readonly ParameterSpec[] {
    return this.table.parameters;
  }

  /** A model or adapter tensor; asking twice for one name gives the same tensor (tied weights). */
  parameter(name: string, shape: Shape, options: ParameterOptions = {}): Tensor {
    return this.table.once(
      name,
      id => checked({ id, name, shape, dtype: options.dtype ?? 'f32', role: 'parameter', tables: options.tables }),
      tensor =>
        this.table.parameters.push({
          tensor,
          category: options.category ?? 'weights',
          trainable: !this.table.frozen && (options.trainable ?? false),
          decay: options.decay ?? true,
          lrScale: options.lrScale ?? 1,
          optimizer: options.optimizer ?? 'adamw',
          turn: options.turn,
        }),
    );
  }

  /**
   * A per-micro-batch input (token ids, positions, labels …). Graphs for fewer tokens see the same tensor under a
   * smaller shape; the first graph built must be the largest.
   */
  input(name: string, shape: Shape, dtype: DType = 'u32'): Tensor {
    const tensor = this.table.once(
      `input:${name}`,
      id => checked({ id, name, shape, dtype, role: 'input' }),
      made => this.table.inputs.push(made),
    );
    return { ...tensor, shape };
  }

  /** The output of a node. */
  value(name: string, shape: Shape, dtype: DType = 'f32'): Tensor {
    return checked({ id: this.nextId++, name, shape, dtype, role: 'value' });
  }

  /** A small persistent f32 tensor (loss and norm accumulators). */
  state(name: string, shape: Shape): Tensor {
    return this.table.once(
      `state:${name}`,
      id => checked({ id, name, shape, dtype: 'f32', role: 'state' }),
      made => this.table.states.push(made),
    );
  }

  /** A persistent f32 tensor of the method; zero at the start of a run. */
  methodState(name: string, shape: Shape): Tensor {
    return this.table.methodState(name, shape);
  }

  /** Keys or values of one block for generation, f32 [rows, width]; zero at first. */
  cache(name: string, shape: Shape): Tensor {
    return this.table.once(
      `cache:${name}`,
      id => checked({ id, name, shape, dtype: 'f32', role: 'state' }),
      made => this.table.caches.push(made),
    );
  }

  add(node: Node): void {
    this.nodes.push(this.currentBlock === undefined ? node : { ...node, block: this.currentBlock });
  }

  /** Builds transformer block `index`: what is added meanwhile belongs to it. */
  block<T>(index: number, build: () => T): T {
    this.currentBlock = index;
    const built = build();
    this.currentBlock = undefined;
    return built;
  }
}

function checked(tensor: Tensor): Tensor {
  if (tensor.shape.some(size => !Number.isInteger(size) || size < 1))
    throw problem(
      'graph.shape',
      `Tensor ${tensor.name} has the impossible shape [${tensor.shape.join(', ')}].`,
      'Check config.json.',
    );
  return tensor;
}
