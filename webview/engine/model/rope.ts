import { field, isObject, positiveField, wrongField, type JsonObject, type JsonPlace } from '../formats/jsonFields';

/**
 * Base of the rotary angles from a `config.json`: `rope_theta` beside an empty `rope_scaling`, or the `rope_parameters`
 * object that newer transformers write. Throws for scaled kinds (linear, dynamic, yarn, llama3 …) and partial rotation.
 */
export function ropeTheta(object: JsonObject, place: JsonPlace): number {
  const parameters = ropeObject(object, 'rope_parameters', place);
  const scaling = ropeObject(object, 'rope_scaling', place);
  for (const [key, rope] of [['rope_parameters', parameters] as const, ['rope_scaling', scaling] as const])
    refuseScaling(rope, key, place);
  refusePartial(object, place);
  refusePartial(parameters, place);
  const theta = positiveField(object, 'rope_theta', place, 10000);
  return positiveField(parameters, 'rope_theta', place, theta);
}

function ropeObject(object: JsonObject, key: string, place: JsonPlace): JsonObject {
  const value = field(object, key) ?? {};
  if (isObject(value)) return value;
  throw wrongField(place, key, 'null or an object', value);
}

function refuseScaling(rope: JsonObject, key: string, place: JsonPlace): void {
  for (const name of ['rope_type', 'type']) {
    const type = field(rope, name) ?? 'default';
    if (type !== 'default')
      throw wrongField(place, `${key}.${name}`, '"default" (scaled rotary embeddings are not supported)', type);
  }
  if (
    field(rope, 'rope_type') === undefined &&
    field(rope, 'type') === undefined &&
    field(rope, 'factor') !== undefined
  )
    throw wrongField(
      place,
      `${key}.factor`,
      'absent (scaled rotary embeddings are not supported)',
      field(rope, 'factor'),
    );
}

function refusePartial(object: JsonObject, place: JsonPlace): void {
  const factor = field(object, 'partial_rotary_factor') ?? 1;
  if (factor !== 1) throw wrongField(place, 'partial_rotary_factor', '1', factor);
}
