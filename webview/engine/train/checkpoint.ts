import { problem } from '../../../src/common/errors';
import type { FileSet } from '../../../src/common/run/events';
import { decodeToF32 } from '../formats/dtypes';
import { readSafetensors, writeSafetensors } from '../formats/safetensors';
import type { EngineValues, Method } from '../methods/method';

/** What a resumed run must know besides tensors. */
export interface TrainerState {
  readonly step: number;
  readonly bestStep?: number;
  readonly bestLoss?: number;
}

export const trainerStateFile = 'trainer_state.json';
export const optimizerFile = 'optimizer.safetensors';
/** Trained tensors under their own names, in f32: resuming must not depend on an export format. */
export const trainablesFile = 'trainables.safetensors';
/** What the method's structure is by now (adapters kept, ranks), for methods that change it. */
export const methodStateFile = 'method_state.json';
const bestFile = 'best.safetensors';

export interface CheckpointInput {
  readonly method: Method;
  readonly values: EngineValues;
  readonly state: TrainerState;
  /** Trained tensors of the best evaluation so far, for `load_best_model_at_end`. */
  readonly best?: ReadonlyMap<string, Float32Array>;
}

/** A checkpoint folder: the exported adapter, which Hugging Face libraries load, and what resuming needs beside it. */
export function writeCheckpoint({ method, values, state, best }: CheckpointInput): FileSet {
  const moments = new Map<string, Float32Array>();
  for (const [name, data] of values.m) moments.set(`m.${name}`, data);
  for (const [name, data] of values.v) moments.set(`v.${name}`, data);
  for (const [name, data] of values.states) moments.set(`state.${name}`, data);
  const files: Record<string, Uint8Array> = {
    ...method.exportFiles(values.parameters),
    [trainablesFile]: pack(values.parameters),
    [optimizerFile]: pack(moments),
    [trainerStateFile]: new TextEncoder().encode(`${JSON.stringify(state, null, 2)}\n`),
  };
  const structure = method.state?.();
  if (structure !== undefined) files[methodStateFile] = new TextEncoder().encode(JSON.stringify(structure));
  if (best) files[bestFile] = pack(best);
  return files;
}

export interface Checkpoint {
  readonly values: EngineValues;
  readonly state: TrainerState;
  readonly best?: Map<string, Float32Array>;
}

export interface ValueSizes {
  readonly trained: ReadonlyMap<string, number>;
  readonly states: ReadonlyMap<string, number>;
}

/** The method's structure in a checkpoint, for `methodOf`; undefined where it has none. */
export function readMethodState(files: FileSet | undefined): unknown {
  const bytes = files?.[methodStateFile];
  if (!bytes) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw problem('checkpoint.method', `${methodStateFile} is damaged.`, 'Resume from another checkpoint.');
  }
}

/**
 * Reads what {@link writeCheckpoint} wrote and checks it against the run.
 * @param sizes element count of each trained tensor and of each state of the method, by name.
 * @throws `checkpoint.*` naming the file and tensor that does not fit.
 */
export function readCheckpoint(files: FileSet, sizes: ValueSizes): Checkpoint {
  const parameters = unpack(files, trainablesFile);
  const moments = unpack(files, optimizerFile);
  const values: EngineValues = { parameters, m: new Map(), v: new Map(), states: new Map() };
  for (const [name, count] of sizes.states)
    values.states.set(name, expect(moments.get(`state.${name}`), optimizerFile, `state.${name}`, count));
  for (const [name, count] of sizes.trained) {
    expect(parameters.get(name), trainablesFile, name, count);
    values.m.set(name, expect(moments.get(`m.${name}`), optimizerFile, `m.${name}`, count));
    values.v.set(name, expect(moments.get(`v.${name}`), optimizerFile, `v.${name}`, count));
  }
  return { values, state: parseState(files), best: files[bestFile] ? unpack(files, bestFile) : undefined };
}

function expect(data: Float32Array | undefined, file: string, name: string, count: number): Float32Array {
  if (data?.length === count) return data;
  const found = data ? `has ${data.length} values, not ${count}` : 'is missing';
  throw problem('checkpoint.tensor', `${file}: ${name} ${found}.`, 'Resume from another checkpoint, or start anew.');
}

function parseState(files: FileSet): TrainerState {
  const bytes = files[trainerStateFile];
  const invalid = problem(
    'checkpoint.state',
    `${trainerStateFile} is missing or damaged.`,
    'Resume from another checkpoint.',
  );
  if (!bytes) throw invalid;
  let state: unknown;
  try {
    state = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw invalid;
  }
  if (typeof state !== 'object' || state === null || !('step' in state)) throw invalid;
  const { step, bestStep, bestLoss } = state as Record<string, unknown>;
  if (typeof step !== 'number' || !Number.isInteger(step) || step < 0) throw invalid;
  return {
    step,
    bestStep: typeof bestStep === 'number' ? bestStep : undefined,
    bestLoss: typeof bestLoss === 'number' ? bestLoss : undefined,
  };
}

function pack(tensors: ReadonlyMap<string, Float32Array>): Uint8Array {
  const entries = [...tensors].map(([name, data]) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [name, { dtype: 'F32' as const, shape: [data.length], bytes }] as const;
  });
  return writeSafetensors(new Map(entries), { format: 'pt' });
}

function unpack(files: FileSet, name: string): Map<string, Float32Array> {
  const bytes = files[name];
  if (!bytes) throw problem('checkpoint.file', `The checkpoint has no ${name}.`, 'Resume from another checkpoint.');
  const { tensors } = readSafetensors(bytes, name);
  return new Map([...tensors].map(([key, t]) => [key, decodeToF32(t.dtype, bytes.subarray(t.begin, t.end))]));
}
