/** A tensor by its name, or put together from the parts `NAME#FIRST_ROW` that a large table is split into. */
export function wholeTensor(values: ReadonlyMap<string, Float32Array>, name: string): Float32Array | undefined {
  const whole = values.get(name);
  if (whole) return whole;
  const parts = [...values]
    .flatMap(([key, data]) => (key.startsWith(`${name}#`) ? [{ row: Number(key.slice(name.length + 1)), data }] : []))
    .sort((a, b) => a.row - b.row);
  if (parts.length === 0) return undefined;
  const joined = new Float32Array(parts.reduce((sum, { data }) => sum + data.length, 0));
  let offset = 0;
  for (const { data } of parts) {
    joined.set(data, offset);
    offset += data.length;
  }
  return joined;
}
