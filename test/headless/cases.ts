/** What a person can hand to a run that cannot be trained on, and what the trainer must say. */
import { mkdirSync, openSync, ftruncateSync, closeSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { f32Bytes } from '../../webview/engine/formats/dtypes';
import { readSafetensors, writeSafetensors, type TensorData } from '../../webview/engine/formats/safetensors';
import { get, put, type Settings } from './project';

export interface BadCase {
  readonly title: string;
  /** Damages the project's folder. */
  readonly damage?: (folder: string) => void;
  readonly settings?: Settings;
  readonly code: string;
  /** Must name the file, and the line, tensor or key. */
  readonly message: RegExp;
}

const rows = (content: string | Uint8Array) => (folder: string) => put(folder, 'rows.jsonl', content);
const row = '{"prompt": "w1 w2", "completion": "w3 w4"}\n';
const mask = '{"input_ids": [1, 2, 3], "labels": [-100, -100, -100]}\n';
const mebibyte = 2 ** 20;

/** A file of holes: three gibibytes that take no room. */
function hugeRows(folder: string): void {
  const file = openSync(join(folder, 'rows.jsonl'), 'w');
  ftruncateSync(file, 3 * 1024 * mebibyte);
  closeSync(file);
}

export const badData: readonly BadCase[] = [
  {
    title: 'a path that leads out of the folder to nothing',
    settings: { data: { train: '../elsewhere/rows.jsonl' } },
    code: 'file.missing',
    message: /^data\.train: .*elsewhere\/rows\.jsonl does not exist/,
  },
  {
    title: 'a folder in place of a file',
    settings: { data: { eval: 'model' } },
    code: 'file.folder',
    message: /^data\.eval: .*\/model is a folder/,
  },
  { title: 'an empty file', damage: rows(''), code: 'data.empty', message: /^rows\.jsonl has no rows/ },
  { title: 'nothing but blank lines', damage: rows('\n \r\n\n'), code: 'data.empty', message: /^rows\.jsonl has no/ },
  { title: 'a file of 3 GiB', damage: hugeRows, code: 'file.tooLarge', message: /rows\.jsonl is larger than 2 GiB/ },
  {
    title: 'a line of 17 MiB',
    damage: rows(row + `{"text": "${'w'.repeat(17 * mebibyte)}"}\n`),
    code: 'data.line',
    message: /^rows\.jsonl, line 2 is longer than 16 MiB/,
  },
  {
    title: 'Latin-1 text',
    damage: rows(Buffer.concat([Buffer.from(row), Buffer.from('{"text": "caf\xe9"}\n', 'latin1')])),
    code: 'data.encoding',
    message: /^rows\.jsonl, line 2: byte 56 is not valid UTF-8/,
  },
  {
    title: 'a line that is cut off',
    damage: rows(row + row + '{"prompt": "w1", "comp\n'),
    code: 'data.json',
    message: /^rows\.jsonl, line 3, column \d+: a string is not closed/,
  },
  {
    title: 'bad evaluation rows',
    damage: folder => put(folder, 'eval.jsonl', `${row}\n{"prompt": 3, "completion": ""}\n`),
    code: 'data.row',
    message: /^eval\.jsonl, line 3: "prompt" must be a string/,
  },
  {
    title: 'an id beyond the vocabulary',
    damage: rows('{"input_ids": [1, 61]}\n'),
    code: 'data.token',
    message: /^rows\.jsonl, line 1: token id 61 is outside the vocabulary of 61/,
  },
  {
    title: 'rows without a loss',
    damage: rows(mask + mask),
    code: 'data.noLoss',
    message: /^rows\.jsonl: none of the 2/,
  },
  {
    title: 'prompts that leave no room for a completion',
    damage: rows(`{"prompt": "${'w1 '.repeat(40)}", "completion": "w2"}\n`),
    code: 'data.noLoss',
    message: /^rows\.jsonl: .*1 were cut to 32 tokens/,
  },
  {
    title: 'a file of sample rows that is compressed',
    damage: rows(Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff)),
    code: 'data.encoding',
    message: /^rows\.jsonl, line 1: byte 1 /,
  },
];

const weightsFile = 'model/model.safetensors';

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

/** Writes the weights with another header, the data unchanged. */
function relabel(folder: string, change: (header: Header, names: string[]) => void): void {
  const file = get(folder, weightsFile);
  const end = 8 + file.readUInt32LE(0);
  const header = JSON.parse(file.toString('utf8', 8, end)) as Header;
  change(
    header,
    Object.keys(header).filter(name => name !== '__metadata__'),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeUInt32LE(text.length);
  put(folder, weightsFile, Buffer.concat([length, text, file.subarray(end)]));
}

/** Writes the weights with one tensor replaced or removed. */
function retensor(folder: string, name: string, change: (tensor: TensorData) => TensorData | undefined): void {
  const file = get(folder, weightsFile);
  const tensors = new Map<string, TensorData>();
  for (const [key, { dtype, shape, begin, end }] of readSafetensors(file, weightsFile).tensors) {
    const old = { dtype, shape, bytes: new Uint8Array(file.subarray(begin, end)) };
    const kept = key === name ? change(old) : old;
    if (kept) tensors.set(key, kept);
  }
  put(folder, weightsFile, writeSafetensors(tensors));
}

const query = 'model.layers.1.self_attn.q_proj.weight';
const cut = (bytes: (size: number) => number) => (folder: string) => {
  const file = get(folder, weightsFile);
  put(folder, weightsFile, file.subarray(0, bytes(file.length)));
};

/** The tensor with `value` in place of its seventh element. */
function poisoned({ dtype, shape, bytes }: TensorData, value: number): TensorData {
  const values = new Float32Array(bytes.slice().buffer);
  values[7] = value;
  return { dtype, shape, bytes: f32Bytes(values) };
}

export const badWeights: readonly BadCase[] = [
  { title: 'an empty file', damage: cut(() => 0), code: 'weights.format', message: /^model\.safetensors .* 0 bytes/ },
  {
    title: 'half a header',
    damage: cut(() => 90),
    code: 'weights.format',
    message: /header claims \d+ bytes, but the/,
  },
  {
    title: 'half the tensors',
    damage: cut(size => size / 2),
    code: 'weights.format',
    message: /^model\.safetensors .*the file ends at \d+ \(cut off\?\)/,
  },
  {
    title: 'a header of four gibibytes',
    damage: folder => {
      const file = get(folder, weightsFile);
      file.writeUInt32LE(1, 4);
      put(folder, weightsFile, file);
    },
    code: 'weights.format',
    message: /^model\.safetensors .*claims \d+ bytes; the limit is/,
  },
  {
    title: 'tensors that overlap',
    damage: folder =>
      relabel(folder, (header, [first, second]) => {
        header[second] = { ...header[first] };
      }),
    code: 'weights.format',
    message: /^model\.safetensors .*tensor \S+ overlaps/,
  },
  {
    title: 'a shape that lies about its size',
    damage: folder => relabel(folder, (header, [first]) => header[first].shape.push(2)),
    code: 'weights.format',
    message: /^model\.safetensors .*tensor \S+ has \d+ bytes of data, but F32 \[.*\] needs/,
  },
  {
    title: 'a shape beyond all memory',
    damage: folder => relabel(folder, (header, [first]) => (header[first].shape = [2 ** 40, 2 ** 40])),
    code: 'weights.format',
    message: /^model\.safetensors .*impossible shape/,
  },
  {
    title: 'offsets beyond the end',
    damage: folder =>
      relabel(folder, (header, names) => {
        const last = header[names.at(-1) ?? ''];
        last.data_offsets = [last.data_offsets[0] + 4096, last.data_offsets[1] + 4096];
      }),
    code: 'weights.format',
    message: /^model\.safetensors .*4096 bytes before tensor/,
  },
  {
    title: 'not a number',
    damage: folder => retensor(folder, query, tensor => poisoned(tensor, NaN)),
    code: 'model.nonfinite',
    message: new RegExp(`^model\\.safetensors: ${query} contains NaN at element 7`),
  },
  {
    title: 'whole numbers',
    damage: folder => retensor(folder, query, tensor => ({ ...tensor, dtype: 'I32' })),
    code: 'weights.dtype',
    message: new RegExp(`^model\\.safetensors: ${query} is stored as I32`),
  },
  {
    title: 'a tensor that is missing',
    damage: folder => retensor(folder, query, () => undefined),
    code: 'model.missing',
    message: new RegExp(`^The weight ${query} \\[24, 24\\] is missing from model\\.safetensors`),
  },
  {
    title: 'a shard that is missing',
    damage: folder => {
      const index = { weight_map: { [query]: 'model-00001-of-00002.safetensors' } };
      put(folder, 'model/model.safetensors.index.json', JSON.stringify(index));
      rmSync(join(folder, weightsFile));
    },
    code: 'model.missingFile',
    message: /^The model \.\/model has no model-00001-of-00002\.safetensors/,
  },
];

/** Changes a JSON file of the model. */
const edit = (name: string, change: (value: Record<string, unknown>) => void) => (folder: string) => {
  const value = JSON.parse(get(folder, `model/${name}`).toString()) as Record<string, unknown>;
  change(value);
  put(folder, `model/${name}`, JSON.stringify(value));
};

export const badModels: readonly BadCase[] = [
  {
    title: 'a folder that is missing',
    settings: { model: './nowhere' },
    code: 'model.missingFile',
    message: /^The model \.\/nowhere has no config\.json/,
  },
  {
    title: 'a folder without files',
    damage: folder => mkdirSync(join(folder, 'hollow')),
    settings: { model: './hollow' },
    code: 'model.missingFile',
    message: /^The model \.\/hollow has no config\.json/,
  },
  {
    title: 'a config.json of another size',
    damage: edit('config.json', value => (value.hidden_size = 48)),
    code: 'model.shape',
    message: /^model\.safetensors: \S+ has the shape \[61, 24\]; config\.json asks for \[61, 48\]/,
  },
  {
    title: 'an architecture the engine does not have',
    damage: edit('config.json', value => (value.model_type = 'mamba')),
    code: 'model.type',
    message: /\.\/model\/config\.json.*mamba/,
  },
  {
    title: 'a tokenizer with more tokens than the model',
    damage: edit('tokenizer.json', value => {
      const model = value.model as { vocab: Record<string, number> };
      model.vocab.extra = 500;
    }),
    code: 'tokenizer.vocabulary',
    message: /^The tokenizer has ids up to 500, but the model's vocabulary ends at 60/,
  },
  {
    title: 'a tokenizer that is cut off',
    damage: folder => put(folder, 'model/tokenizer.json', get(folder, 'model/tokenizer.json').subarray(0, 300)),
    code: 'tokenizer.format',
    message: /tokenizer\.json/,
  },
];

const withAdapter: Settings = { method: { adapter: './adapter', init_lora_weights: undefined } };

interface AdapterShape {
  readonly module?: string;
  readonly width?: number;
  readonly rank?: number;
  readonly value?: number;
}

/** A LoRA adapter for one module. */
const adapter =
  ({ module = 'model.layers.0.self_attn.q_proj', width = 24, rank = 3, value = 0.5 }: AdapterShape) =>
  (folder: string): void => {
    const config = { peft_type: 'LORA', r: rank, lora_alpha: 6, target_modules: ['q_proj'] };
    const tensor = (shape: number[]) => {
      const bytes = f32Bytes(new Float32Array(shape[0] * shape[1]).fill(value));
      return { dtype: 'F32', shape, bytes };
    };
    const tensors = new Map([
      [`base_model.model.${module}.lora_A.weight`, tensor([rank, width])],
      [`base_model.model.${module}.lora_B.weight`, tensor([width, rank])],
    ]);
    put(folder, 'adapter/adapter_config.json', JSON.stringify(config));
    put(folder, 'adapter/adapter_model.safetensors', writeSafetensors(tensors));
  };

export const badAdapters: readonly BadCase[] = [
  {
    title: 'none where one is named',
    settings: withAdapter,
    code: 'file.missing',
    message: /^method\.adapter: .*\/adapter /,
  },
  {
    title: 'of another architecture',
    damage: adapter({ module: 'transformer.h.0.attn.c_attn' }),
    settings: withAdapter,
    code: 'adapter.module',
    message: /^adapter_model\.safetensors adapts transformer\.h\.0\.attn\.c_attn, which this model does not have/,
  },
  {
    title: 'of a wider model',
    damage: adapter({ width: 48 }),
    settings: withAdapter,
    code: 'adapter.shape',
    message: /^adapter_model\.safetensors: model\.layers\.0\S+ has the shape \[3, 48\].* need \[3, 24\]/,
  },
  {
    title: 'of another rank than the config',
    damage: adapter({ rank: 2 }),
    settings: withAdapter,
    code: 'adapter.differs',
    message: /^The adapter has rank 2 in model\.layers\.0\.self_attn\.q_proj, the config 3/,
  },
  {
    title: 'with values that are not numbers',
    damage: adapter({ value: NaN }),
    settings: withAdapter,
    code: 'adapter.nonfinite',
    message: /^adapter_model\.safetensors: \S+ contains NaN/,
  },
  {
    title: 'cut off',
    damage: folder => {
      adapter({})(folder);
      put(
        folder,
        'adapter/adapter_model.safetensors',
        get(folder, 'adapter/adapter_model.safetensors').subarray(0, 400),
      );
    },
    settings: withAdapter,
    code: 'weights.format',
    message: /^adapter_model\.safetensors is not a valid safetensors file/,
  },
];
