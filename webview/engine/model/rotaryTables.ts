/**
 * Cosines and sines of the rotary angles, each [positions, headDim / 2], row-major, computed in f64 from the f32
 * inverse frequencies that transformers' `modeling_rope_utils.py` uses: angle = position · theta^(-2i / headDim).
 */
export function rotaryTables(
  positions: number,
  headDim: number,
  theta: number,
): Record<'cos' | 'sin', Float32Array<ArrayBuffer>> {
  const half = headDim / 2;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let i = 0; i < half; i++) {
    const frequency = Math.fround(1 / Math.fround(theta ** Math.fround((2 * i) / headDim)));
    for (let position = 0; position < positions; position++) {
      const angle = Math.fround(position * frequency);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
