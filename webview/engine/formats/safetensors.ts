import { problem, type ProblemError } from '../../../src/common/errors';
import type { ByteSource } from '../../../src/common/protocol';
import { dtypeRank, dtypeSize } from './dtypes';
import { describe, isObject } from './jsonFields';
import { findJsonFault } from './jsonScan';

/** Where a tensor lies: `begin` and `end` are byte offsets from the start of the file. */
export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The free-form text entries under `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Byte offset of the first tensor. */
  readonly dataStart: number;
}

/** A tensor to write; `bytes` are little-endian and as long as dtype and shape say. */
export interface TensorData {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** The limit of the reference implementation. */
const maxHeaderBytes = 100_000_000;
const metadataKey = '__metadata__';

/**
 * Reads the header from the first bytes of a file of `fileSize` bytes; `prefix` must hold at least the header (else
 * the problem says how much). Everything in it is checked: length, UTF-8, JSON, repeated names, dtypes, shapes, and
 * that the tensors cover the rest of the file exactly, without overlap or hole. Throws a problem that names `label`.
 */
export function readHeader(prefix: Uint8Array, label: string, fileSize = prefix.length): SafetensorsHeader {
  const dataStart = headerEnd(prefix, label, fileSize);
  if (dataStart > prefix.length)
    throw problem(
      'weights.prefix',
      `${label}: the header needs the first ${dataStart} bytes.`,
      'Read more of the file.',
    );
  const object = parseHeader(prefix.subarray(8, dataStart), label);
  const tensors = new Map<string, TensorEntry>();
  for (const [name, info] of Object.entries(object))
    if (name !== metadataKey) tensors.set(name, readEntry(info, { name, label, dataStart }));
  checkCoverage(tensors, { label, dataStart, fileSize });
  return { tensors, metadata: readMetadata(object[metadataKey], label), dataStart };
}

/** Reads the header of a file, and nothing else of it; see {@link readHeader}. A length that lies is never allocated. */
export function readFileHeader(file: ByteSource, label: string): SafetensorsHeader {
  const end = headerEnd(file.slice(0, Math.min(8, file.size)), label, file.size);
  return readHeader(file.slice(0, end), label, file.size);
}

/** Reads the header of a whole file; see {@link readHeader}. */
export function readSafetensors(bytes: Uint8Array, label: string): SafetensorsHeader {
  return readHeader(bytes, label);
}

/** A tensor of a file to write. */
export type TensorLayout = Pick<TensorData, 'dtype' | 'shape'>;

/**
 * Writes a file, byte for byte as the reference implementation (the `safetensors` crate) does: larger dtypes first, then
 * by name, the header filled with spaces to a multiple of 8. Metadata keys are sorted, where the crate leaves order open.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const { file, offsets } = emptySafetensors(tensors, metadata);
  for (const [name, { dtype, shape, bytes }] of tensors) {
    if (sizeOf(shape, dtypeSize(dtype) ?? NaN) !== bytes.length)
      throw broken('The file to write', `tensor ${name} has ${bytes.length} bytes for ${dtype} [${shape.join(', ')}]`);
    file.set(bytes, offsets.get(name));
  }
  return file;
}

/** A file as {@link writeSafetensors} writes it with zeros in all tensors, and the byte offset of each. */
export function emptySafetensors(
  tensors: ReadonlyMap<string, TensorLayout>,
  metadata?: Readonly<Record<string, string>>,
): { file: Uint8Array<ArrayBuffer>; offsets: Map<string, number> } {
  const { start, offsets, size } = layOutSafetensors(tensors, metadata);
  const file = new Uint8Array(size);
  file.set(start);
  return { file, offsets };
}

/** What stands before the tensors of a file, the byte offset of each in the order of the file, and the file's size. */
export function layOutSafetensors(
  tensors: ReadonlyMap<string, TensorLayout>,
  metadata?: Readonly<Record<string, string>>,
): { start: Uint8Array<ArrayBuffer>; offsets: Map<string, number>; size: number } {
  const order = [...tensors].sort(
    ([nameA, a], [nameB, b]) => dtypeRank(b.dtype) - dtypeRank(a.dtype) || (nameA < nameB ? -1 : 1),
  );
  const { header, begins, end } = encodeHeader(order, metadata);
  const start = new Uint8Array(8 + header.length);
  new DataView(start.buffer).setUint32(0, header.length, true);
  start.set(header, 8);
  const offsets = new Map([...begins].map(([name, begin]) => [name, start.length + begin]));
  return { start, offsets, size: start.length + end };
}

/** Elements of a shape times `size`, or `undefined` when it exceeds what offsets can hold. */
function sizeOf(shape: readonly number[], size: number): number | undefined {
  const bytes = shape.reduce((product, length) => product * length, size);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Where the header ends, from the eight bytes of its length. */
function headerEnd(prefix: Uint8Array, label: string, fileSize: number): number {
  if (fileSize < 8 || prefix.length < 8)
    throw broken(label, `it has ${Math.min(fileSize, prefix.length)} bytes, too few for a header`);
  const view = new DataView(prefix.buffer, prefix.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > maxHeaderBytes) throw broken(label, `its header claims ${length} bytes; the limit is ${maxHeaderBytes}`);
  if (8 + length > fileSize) throw broken(label, `its header claims ${length} bytes, but the file has ${fileSize}`);
  return 8 + length;
}

function parseHeader(bytes: Uint8Array, label: string): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw broken(label, 'its header does not start with "{"');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw broken(label, 'its header is not UTF-8');
  }
  const fault = findJsonFault(text);
  if (fault) throw broken(label, `its header is not valid JSON at byte ${8 + fault.offset}: ${fault.reason}`);
  return JSON.parse(text) as Record<string, unknown>;
}

interface EntryPlace {
  readonly name: string;
  readonly label: string;
  readonly dataStart: number;
}

function readEntry(info: unknown, place: EntryPlace): TensorEntry {
  const fail = (what: string) => broken(place.label, `tensor ${place.name} ${what}`);
  if (!isObject(info)) throw fail(`is described by ${describe(info)} instead of an object`);
  const { dtype, shape, data_offsets: offsets } = info;
  const size = typeof dtype === 'string' ? dtypeSize(dtype) : undefined;
  if (typeof dtype !== 'string' || size === undefined) throw fail(`has the unknown dtype ${describe(dtype)}`);
  if (!isLengths(shape)) throw fail('has a shape that is no list of non-negative whole numbers');
  if (!isLengths(offsets) || offsets.length !== 2) throw fail('has data_offsets that are no pair of whole numbers');
  const [begin, end] = offsets;
  const bytes = sizeOf(shape, size);
  if (bytes === undefined) throw fail(`has the impossible shape [${shape.join(', ')}]`);
  if (end - begin !== bytes)
    throw fail(`has ${end - begin} bytes of data, but ${dtype} [${shape.join(', ')}] needs ${bytes}`);
  return { dtype, shape, begin: place.dataStart + begin, end: place.dataStart + end };
}

function isLengths(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(item => Number.isSafeInteger(item) && (item as number) >= 0);
}

/** Sorted by place, each tensor must begin where the one before ended, and the last one end with the file. */
function checkCoverage(
  tensors: ReadonlyMap<string, TensorEntry>,
  { label, dataStart, fileSize }: { label: string; dataStart: number; fileSize: number },
): void {
  const order = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let end = dataStart;
  for (const [name, entry] of order) {
    if (entry.begin < end) throw broken(label, `tensor ${name} overlaps the one before it`);
    if (entry.begin > end) throw broken(label, `${entry.begin - end} bytes before tensor ${name} belong to no tensor`);
    end = entry.end;
  }
  if (end > fileSize) throw broken(label, `its tensors need ${end} bytes, but the file ends at ${fileSize} (cut off?)`);
  if (end < fileSize) throw broken(label, `${fileSize - end} bytes at its end belong to no tensor`);
}

function readMetadata(value: unknown, label: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw broken(label, `${metadataKey} is ${describe(value)} instead of an object`);
  const entries = Object.entries(value).map(([key, text]): [string, string] => {
    if (typeof text === 'string') return [key, text];
    throw broken(label, `${metadataKey}.${key} is ${describe(text)} instead of a string`);
  });
  return Object.fromEntries(entries);
}

function encodeHeader(order: readonly [string, TensorLayout][], metadata?: Readonly<Record<string, string>>) {
  const parts: string[] = [];
  if (metadata) {
    const sorted = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
    parts.push(`"${metadataKey}":${JSON.stringify(Object.fromEntries(sorted))}`);
  }
  const begins = new Map<string, number>();
  let begin = 0;
  for (const [name, { dtype, shape }] of order) {
    const bytes = sizeOf(shape, dtypeSize(dtype) ?? NaN);
    if (bytes === undefined)
      throw broken('The file to write', `tensor ${name} cannot be stored as ${dtype} [${shape.join(', ')}]`);
    const end = begin + bytes;
    parts.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
    begins.set(name, begin);
    begin = end;
  }
  const text = new TextEncoder().encode(`{${parts.join(',')}}`);
  const header = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  header.set(text);
  return { header, begins, end: begin };
}

function broken(label: string, what: string): ProblemError {
  return problem(
    'weights.format',
    `${label} is not a valid safetensors file: ${what}.`,
    'Fetch or export the file again.',
  );
}
