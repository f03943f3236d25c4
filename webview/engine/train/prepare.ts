import type { TrainJob } from '../../../src/common/protocol';
import { problem } from '../../../src/common/errors';
import { tokenizeRows, type ExampleSet } from '../data/examples';
import { readRows } from '../data/rows';
import { checkTokenizer, loadTokenizer, type TextTokenizer } from '../data/tokenizer';
import { planWindows, type WindowPlan } from '../data/windows';
import { engineSpec, type DataLengths } from '../forecast';
import { fewShotMethod } from '../methods/fewShot';
import type { Method } from '../methods/method';
import { methodOf } from '../methods/methodOf';
import { parseModelConfig, type ModelConfig } from '../model/config';
import { openTensors, type TensorSource } from '../model/source';
import { readMethodState } from './checkpoint';
import { planFewShot, type FewShotRun } from './fewShotRun';
import { planPrograms, type EnginePrograms, type EngineSpec } from './programs';
import { shardsOf } from './readModel';

/** A job read and checked: everything a run needs except the device. */
export interface PreparedRun {
  readonly job: TrainJob;
  readonly model: ModelConfig;
  readonly tokenizer: TextTokenizer;
  readonly weights: TensorSource;
  readonly method: Method;
  readonly train: ExampleSet;
  readonly evaluation?: ExampleSet;
  /** Evaluation rows with their prompts masked, where exact match is asked for. */
  readonly matched?: ExampleSet;
  /** Tokens of each sample prompt. */
  readonly prompts: readonly (readonly number[])[];
  readonly windows: WindowPlan;
  /** Set when nothing trains and rows are asked with shots before them. */
  readonly fewShot?: FewShotRun;
  readonly programs: EnginePrograms;
}

/**
 * Reads model, tokenizer, data and adapter of a job and plans its programs. Bad input throws a problem that names the
 * file and the place; nothing has been created on the device yet.
 */
export function prepareRun(job: TrainJob, adapter: Pick<EngineSpec, 'limits' | 'profile'>): PreparedRun {
  const { config } = job;
  const model = parseModelConfig(job.model.config, `${job.model.label}/config.json`);
  const tokenizer = loadTokenizer(job.model.tokenizer, job.model.tokenizerConfig, job.model.chatTemplate, model);
  checkTokenizer(tokenizer, model);
  const { loss } = config.data;
  const options = (label: string) => ({ maxLength: maxLength(job, model), label, loss, vocabSize: model.vocabSize });
  const train = tokenizeRows(readRows(job.train, job.trainLabel), tokenizer, options(job.trainLabel));
  const evalLabel = job.evalLabel ?? 'evaluation data';
  const evaluation = job.eval && tokenizeRows(readRows(job.eval, evalLabel), tokenizer, options(evalLabel));
  const matched = matchedRows(job, evaluation, () =>
    tokenizeRows(readRows(job.eval ?? new Uint8Array(), evalLabel), tokenizer, {
      ...options(evalLabel),
      loss: 'completion',
    }),
  );
  const prompts = config.samples.prompts.map(prompt => promptTokens(prompt, tokenizer, roomFor(config, model)));
  const fewShot = fewShotOf(job, { tokenizer, model });
  const windows = fewShot ? { ...windowsOf(job, train), totalSteps: 0 } : windowsOf(job, train);
  const texts = fewShot?.draws.map(draw => draw.text);
  const method = texts ? fewShotMethod(texts) : buildMethod(job, model, windows.totalSteps);
  const lengths = fewShot ? lengthsWithShots(fewShot) : lengthsOf(train, evaluation, prompts);
  const spec = engineSpec({ config, model, method, lengths, ...adapter });
  return {
    job,
    model,
    tokenizer,
    weights: openTensors(shardsOf(job.model), model),
    method,
    train,
    evaluation,
    matched,
    fewShot,
    prompts: fewShot?.prompts ?? prompts,
    windows,
    programs: planPrograms(spec),
  };
}

/** The same run with another method, planned anew. */
export function withMethod(run: PreparedRun, method: Method): PreparedRun {
  return { ...run, method, programs: planPrograms({ ...run.programs.spec, method }) };
}

/** Evaluation rows with their prompts masked: those of the loss where it masks them too. */
function matchedRows(
  { config }: TrainJob,
  evaluation: ExampleSet | undefined,
  read: () => ExampleSet,
): ExampleSet | undefined {
  if (!evaluation || !config.training.eval_exact_match) return undefined;
  return config.data.loss === 'completion' ? evaluation : read();
}

/** An empty prompt starts from the tokenizer's start token. */
function promptTokens(prompt: string, tokenizer: TextTokenizer, room: number): number[] {
  const tokens = tokenizer.encode(prompt, true);
  if (tokens.length >= room)
    throw problem(
      'samples.prompt',
      `The sample prompt ${JSON.stringify(prompt.slice(0, 40))} has ${tokens.length} tokens, but the model has room for ${room}.`,
      'Shorten it in samples.prompts.',
    );
  return tokens.length > 0 ? tokens : [tokenizer.bosId ?? tokenizer.eosId];
}

/** Positions that virtual tokens leave. */
function roomFor({ method }: TrainJob['config'], model: ModelConfig): number {
  return model.maxPositions - ('num_virtual_tokens' in method ? method.num_virtual_tokens : 0);
}

function maxLength({ config }: TrainJob, model: ModelConfig): number {
  const { max_length: limit } = config.data;
  const room = roomFor(config, model);
  if (model.family !== 'gpt2' || limit <= room) return limit;
  const virtual = model.maxPositions - room;
  const taken = virtual > 0 ? `, of which virtual tokens take ${virtual}` : '';
  throw problem(
    'data.maxLength',
    `data.max_length is ${limit}, but the model has only ${model.maxPositions} positions${taken}.`,
    room > 0 ? `Set data.max_length to ${room} or less.` : 'Lower method.num_virtual_tokens.',
  );
}

function buildMethod(job: TrainJob, model: ModelConfig, totalSteps: number): Method {
  const { adapter } = job;
  const passthrough: Record<string, string> = {
    'config.json': job.model.config,
    'tokenizer.json': job.model.tokenizer,
  };
  if (job.model.tokenizerConfig) passthrough['tokenizer_config.json'] = job.model.tokenizerConfig;
  if (job.model.generationConfig) passthrough['generation_config.json'] = job.model.generationConfig;
  if (job.model.chatTemplate) passthrough['chat_template.jinja'] = job.model.chatTemplate;
  const state = readMethodState(job.checkpoint);
  return methodOf({ config: job.config, model, modelName: job.model.label, passthrough, adapter, totalSteps, state });
}

function windowsOf({ config }: TrainJob, train: ExampleSet): WindowPlan {
  const { training, data } = config;
  return planWindows({
    examples: train.examples.length,
    batchSize: training.per_device_train_batch_size,
    accumulation: training.gradient_accumulation_steps,
    shuffle: data.shuffle,
    seed: training.seed,
    maxSteps: training.max_steps,
    epochs: training.num_train_epochs,
  });
}

function fewShotOf(
  job: TrainJob,
  { tokenizer, model }: Pick<PreparedRun, 'tokenizer' | 'model'>,
): FewShotRun | undefined {
  const { method } = job.config;
  if (method.type !== 'few-shot') return undefined;
  const train = readRows(job.train, job.trainLabel);
  const evaluation = job.eval && readRows(job.eval, job.evalLabel ?? 'evaluation data');
  return planFewShot(job, method, { train, evaluation, tokenizer, model });
}

function lengthsWithShots({ draws, prompts }: FewShotRun): DataLengths {
  const most = (lists: readonly { readonly length: number }[]) =>
    lists.reduce((longest, list) => Math.max(longest, list.length), 1);
  const examples = draws.flatMap(draw => [...draw.examples, ...draw.matched]);
  return { train: 1, evaluate: most(examples.map(({ ids }) => ids)), prompt: most(prompts) };
}

/** Exact lengths of what will run, so that memory follows the data and not `max_length`. */
function lengthsOf(train: ExampleSet, evaluation: ExampleSet | undefined, prompts: readonly number[][]): DataLengths {
  const longest = (set: ExampleSet | undefined) =>
    (set?.examples ?? []).reduce((most, example) => Math.max(most, example.ids.length), 1);
  const prompt = prompts.reduce((most, ids) => Math.max(most, ids.length), 1);
  return { train: longest(train), evaluate: longest(evaluation), prompt };
}
