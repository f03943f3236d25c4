import { problem } from '../../../src/common/errors';
import type { Node } from './node';
import type { DType, Shape, Tensor } from './tensor';

/** How a parameter takes part in a run. */
export interface ParameterSpec {
  readonly tensor: Tensor;
  readonly category: 'weights' | 'adapter';
  readonly trainable: boolean;
  /** AdamW decays it (transformers' rule: no biases, no norms). */
  readonly decay: boolean;
  /** Factor on the learning rate (LoRA+ on B). */
  readonly lrScale: number;
}

export interface ParameterOptions {
  readonly dtype?: DType;
  readonly category?: 'weights' | 'adapter';
  readonly trainable?: boolean;
  readonly decay?: boolean;
  readonly lrScale?: number;
}

/**
 * Collects tensors and nodes in execution order. Building the same model again yields the same ids in the same order,
 * whatever the number of tokens, so a memory plan made for the largest micro-batch fits every smaller one.
 */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly parameters: ParameterSpec[] = [];
  readonly inputs: Tensor[] = [];
  private readonly byName = new Map<string, Tensor>();
  private nextId = 0;

  /** A model or adapter tensor; asking twice for one name gives the same tensor (tied weights). */
  parameter(name: string, shape: Shape, options: ParameterOptions = {}): Tensor {
    const known = this.byName.get(name);
    if (known) return known;
    const tensor = this.make(name, shape, options.dtype ?? 'f32', 'parameter');
    this.byName.set(name, tensor);
    this.parameters.push({
      tensor,
      category: options.category ?? 'weights',
      trainable: options.trainable ?? false,
      decay: options.decay ?? true,
      lrScale: options.lrScale ?? 1,
    });
    return tensor;
  }

  /** A per-micro-batch input (token ids, positions, labels …). */
  input(name: string, shape: Shape, dtype: DType = 'u32'): Tensor {
    const tensor = this.make(name, shape, dtype, 'input');
    this.inputs.push(tensor);
    return tensor;
  }

  /** The output of a node. */
  value(name: string, shape: Shape, dtype: DType = 'f32'): Tensor {
    return this.make(name, shape, dtype, 'value');
  }

  /** A small persistent f32 tensor (loss and norm accumulators). */
  state(name: string, shape: Shape): Tensor {
    return this.make(name, shape, 'f32', 'state');
  }

  add(node: Node): void {
    this.nodes.push(node);
  }

  private make(name: string, shape: Shape, dtype: DType, role: Tensor['role']): Tensor {
    if (shape.some(size => !Number.isInteger(size) || size < 1))
      throw problem(
        'graph.shape',
        `Tensor ${name} has the impossible shape [${shape.join(', ')}].`,
        'Check config.json.',
      );
    return { id: this.nextId++, name, shape, dtype, role };
  }
}
