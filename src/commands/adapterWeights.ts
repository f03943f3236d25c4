/**
 * Weights as a person types them, one for each of `count` adapters, between commas or spaces: `0.7, -1.5`. Undefined if
 * they are not as many finite numbers.
 */
export function parseWeights(text: string, count: number): readonly number[] | undefined {
  const words = text.split(/[\s,;]+/).filter(word => word !== '');
  const weights = words.map(Number);
  return weights.length === count && weights.every(Number.isFinite) ? weights : undefined;
}
