/**
 * The host's door to what a model and its data are, without a GPU: the facts behind the config editor's findings.
 */
import type { LintFacts, ModelFacts, SplitFacts } from '../../src/common/config/facts';
import type { RunConfig } from '../../src/common/config/schema';
import { toProblem } from '../../src/common/errors';
import { ignoredLabel, tokenizeRow, type Example } from './data/examples';
import { readRows, type Row } from './data/rows';
import { loadTokenizer, type TextTokenizer } from './data/tokenizer';
import { forecast, type DataLengths } from './forecast';
import { defaultLimits } from './memory/layout';
import { selectTargets } from './methods/targets';
import { moduleCatalog, totalParameters } from './model/catalog';
import { parseModelConfig, type ModelConfig } from './model/config';

/** The small files of a model folder as text. */
export interface ModelTexts {
  readonly config: string;
  readonly tokenizer?: string;
  readonly tokenizerConfig?: string;
  readonly chatTemplate?: string;
}

export interface InspectedModel {
  readonly config: ModelConfig;
  readonly facts: ModelFacts;
  readonly tokenizer?: TextTokenizer;
}

/** Reads what a model is. Throws a problem that names the file and key of what cannot be used. */
export function inspectModel(texts: ModelTexts, label: string): InspectedModel {
  const config = parseModelConfig(texts.config, `${label}/config.json`);
  const { tokenizer, tokenizerConfig, chatTemplate } = texts;
  return {
    config,
    facts: modelFacts(config),
    tokenizer: tokenizer === undefined ? undefined : loadTokenizer(tokenizer, tokenizerConfig, chatTemplate, config),
  };
}

/** Shapes of a model and PEFT's selection of its modules. */
export function modelFacts(config: ModelConfig): ModelFacts {
  const modules = moduleCatalog(config);
  return {
    family: config.family,
    hiddenSize: config.hiddenSize,
    layers: config.layers,
    maxPositions: config.maxPositions,
    vocabSize: config.vocabSize,
    tiedEmbeddings: config.tiedEmbeddings,
    parameters: totalParameters(config),
    modules,
    select: method => {
      try {
        return selectTargets(modules, method);
      } catch (error) {
        return { problem: toProblem(error) };
      }
    },
  };
}

/** A data file's facts, and the normalised texts by which files are compared. */
export interface InspectedRows {
  readonly facts: SplitFacts;
  readonly texts: ReadonlySet<string>;
  /** Whole text by row, and prompt by row where there is one. */
  readonly rows: readonly { readonly text: string; readonly prompt?: string }[];
}

/** Characters that are tokenized for statistics; the rows beyond are counted only. */
const measuredCharacters = 512 * 1024;

/** Reads a JSONL file; what is wrong with it comes back as `facts.problem`. */
export function inspectRows(bytes: Uint8Array, label: string, tokenizer?: TextTokenizer): InspectedRows {
  try {
    const rows = readRows(bytes, label);
    const keys = rows.map(row => ({ text: normalise(textOf(row)), prompt: promptOf(row) }));
    const texts = new Set(keys.map(key => key.text));
    const measured = tokenizer === undefined ? {} : measure(rows, keys, tokenizer, label);
    return { facts: { rows: rows.length, duplicates: rows.length - texts.size, ...measured }, texts, rows: keys };
  } catch (error) {
    return { facts: { rows: 0, duplicates: 0, problem: toProblem(error) }, texts: new Set(), rows: [] };
  }
}

/** How many evaluation rows the training rows give away. */
export function compareRows(train: InspectedRows, evaluation: InspectedRows): { sameText: number; samePrompt: number } {
  const prompts = new Set(train.rows.map(row => row.prompt));
  const shared = evaluation.rows.filter(row => train.texts.has(row.text)).length;
  const asked = evaluation.rows.filter(
    ({ text, prompt }) => prompt !== undefined && prompts.has(prompt) && !train.texts.has(text),
  ).length;
  return { sameText: shared, samePrompt: asked };
}

function measure(
  rows: readonly Row[],
  keys: readonly { readonly text: string }[],
  tokenizer: TextTokenizer,
  label: string,
): Pick<SplitFacts, 'tokens' | 'firstLoss'> {
  const tokens: number[] = [];
  const firstLoss: number[] = [];
  let characters = 0;
  for (const [index, row] of rows.entries()) {
    characters += keys[index].text.length;
    if (characters > measuredCharacters) break;
    const example = tokenizeRow(row, tokenizer, { maxLength: Infinity, label });
    tokens.push(example.ids.length);
    firstLoss.push(firstLossAt(example));
  }
  return { tokens, firstLoss };
}

/** Index of the first token that is predicted: the first label after the first token, which nothing predicts. */
function firstLossAt({ labels }: Example): number {
  const index = labels.findIndex((label, t) => t > 0 && label !== ignoredLabel);
  return index < 0 ? Infinity : index;
}

function textOf(row: Row): string {
  switch (row.kind) {
    case 'completion':
      return `${row.prompt}\n${row.completion}`;
    case 'text':
      return row.text;
    case 'messages':
      return row.messages.map(({ role, content }) => `${role}: ${content}`).join('\n');
    case 'tokens':
      return row.ids.join(' ');
  }
}

function promptOf(row: Row): string | undefined {
  if (row.kind === 'completion') return normalise(row.prompt);
  if (row.kind !== 'messages' || row.messages.length < 2) return undefined;
  return normalise(
    row.messages
      .slice(0, -1)
      .map(({ role, content }) => `${role}: ${content}`)
      .join('\n'),
  );
}

function normalise(text: string): string {
  return text.trim().replace(/\s+/g, ' ').toLowerCase();
}

/** The planner as the rules call it: a problem instead of an exception. Lengths tighten it where they are known. */
export function forecaster(
  model: ModelConfig,
  facts: Pick<LintFacts, 'limits' | 'data' | 'promptTokens'>,
): NonNullable<LintFacts['forecast']> {
  const lengths = dataLengths(facts);
  const limits = facts.limits ?? defaultLimits;
  const known = plansOf(model);
  const plan = (config: RunConfig) => {
    try {
      // Nobody behind this door draws the timeline, which is most of a forecast.
      const { timeline: _, ...rest } = forecast(config, model, limits, lengths);
      return rest;
    } catch (error) {
      return { problem: toProblem(error) };
    }
  };
  return config => {
    const key = JSON.stringify([limits, lengths, planned(config)]);
    const result = known.get(key) ?? plan(config);
    // Newest last; what was not asked for the longest goes first.
    known.delete(key);
    known.set(key, result);
    if (known.size > mostPlans) known.delete([...known.keys()][0]);
    return result;
  };
}

type Plans = Map<string, ReturnType<NonNullable<LintFacts['forecast']>>>;

/** Several rules ask about one config, each editor feature asks again, and a keystroke seldom changes the plan. */
const plans = new WeakMap<ModelConfig, Plans>();
const mostPlans = 400;

function plansOf(model: ModelConfig): Plans {
  const known: Plans = plans.get(model) ?? (new Map() as Plans);
  plans.set(model, known);
  return known;
}

/** A config without what is known to be no part of a plan. */
function planned({ name: _, ...config }: RunConfig): object {
  return { ...config, memory: { ...config.memory, budget_mib: undefined } };
}

function dataLengths({ data, promptTokens }: Pick<LintFacts, 'data' | 'promptTokens'>): DataLengths | undefined {
  const longest = (split: SplitFacts | undefined) => {
    if (split === undefined) return 0;
    return split.tokens?.length === split.rows ? largest(split.tokens) : undefined;
  };
  const train = data?.train === undefined ? undefined : longest(data.train);
  const evaluate = longest(data?.eval);
  if (train === undefined || evaluate === undefined || promptTokens === undefined) return undefined;
  return { train, evaluate, prompt: largest(promptTokens) };
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
