import type { RunConfig } from '../../../src/common/config/schema';
import type { BlockFormat } from '../formats/blockFormat';
import { floatToHalf, halfToFloat } from '../formats/half';
import { packBlocks, transpose, unpackBlocks } from '../formats/packedMatrix';
import { elements, isPacked, type DType } from '../graph/tensor';
import { tensorCatalog, type TensorSpec } from './catalog';
import type { ModelConfig } from './config';
import { rowsOf, type TensorSource } from './source';

/** How frozen base matrices are stored. Vectors, position tables and everything that trains are f32. */
export interface BaseStorage {
  /** Weights of the linear modules within the blocks. */
  readonly linear: 'f32' | 'f16' | BlockFormat;
  /** Token embedding and output head: they are looked up and multiplied by rows, so they are never packed. */
  readonly table: 'f32' | 'f16';
}

/** What a config's memory section asks for. */
export function baseStorage({
  quantization,
  double_quant,
  block_size,
  embedding_dtype,
}: RunConfig['memory']): BaseStorage {
  if (quantization === 'none') return { linear: 'f32', table: embedding_dtype ?? 'f32' };
  const table = embedding_dtype ?? 'f16';
  if (quantization === 'f16') return { linear: 'f16', table };
  const nested = double_quant ?? quantization !== 'int8';
  return { linear: { kind: quantization, blockSize: block_size, nested }, table };
}

/** How one frozen base tensor is stored. */
export function storedType({ name, kind, shape }: TensorSpec, storage: BaseStorage): DType {
  if (shape.length < 2 || name === 'transformer.wpe.weight') return 'f32';
  return kind === 'embedding' || name === 'lm_head.weight' ? storage.table : storage.linear;
}

/** A linear's weight as codes of its [out, in] form, whatever the layout of the file. */
export function packedValues(values: Float32Array, spec: TensorSpec, format: BlockFormat): Uint32Array<ArrayBuffer> {
  return packBlocks(spec.layout === 'io' ? transpose(values, spec.shape[0], spec.shape[1]) : values, format);
}

/**
 * A base tensor's values as its storage keeps them: halves rounded, packed matrices quantized and back, in the file's
 * own layout. A run on quantized weights trains its adapter for these, not for the file's values.
 */
export function roundedValues(values: Float32Array, spec: TensorSpec, storage: BaseStorage): Float32Array<ArrayBuffer> {
  const dtype = storedType(spec, storage);
  if (dtype === 'f16') return Float32Array.from(values, value => halfToFloat(floatToHalf(value)));
  if (!isPacked(dtype)) return new Float32Array(values);
  const [rows, columns] = spec.shape;
  const back = unpackBlocks(packedValues(values, spec, dtype), elements(spec.shape), dtype);
  return spec.layout === 'io' ? transpose(back, columns, rows) : back;
}

/** A model's weights as a run with this storage computes with them. */
export function roundedSource(source: TensorSource, model: ModelConfig, storage: BaseStorage): TensorSource {
  const specs = new Map(tensorCatalog(model).map(spec => [spec.name, spec]));
  return {
    read: (name, rows) => {
      const spec = specs.get(name);
      // What shares scales is quantized as a whole.
      if (!spec || !isPacked(storedType(spec, storage))) {
        const values = source.read(name, rows);
        return spec ? roundedValues(values, spec, storage) : values;
      }
      const values = roundedValues(source.read(name), spec, storage);
      return rows ? rowsOf(values, rows, values.length / spec.shape[0]) : values;
    },
    dtype: name => source.dtype(name),
  };
}
