import { basename, dirname, resolve } from 'node:path';
import { compareWays } from '../../webview/engine/generate/compareWays';
import { completion, greedy } from '../../webview/engine/generate/complete';
import { GenerationSession } from '../../webview/engine/generate/session';
import { baseStorage } from '../../webview/engine/model/storage';
import { promptTokens } from '../../webview/engine/train/readModel';
import type { RunConfig } from '../common/config/schema';
import { ProblemError } from '../common/errors';
import { readManifest } from '../runs/manifest';
import { applySets } from './arguments';
import type { GenerateLine } from './generateArguments';
import { checkConfig, readConfig, readFolder, readModel, type HeadlessConfig } from './job';
import { nodeFiles } from './nodeFiles';
import type { EnginePorts } from './ports';

/** Completes prompts with a model and adapters, or times generation with and without the cache. */
export async function generateCommand(line: GenerateLine, ports: EnginePorts): Promise<void> {
  const loaded = await sourceConfig(line);
  const { config } = loaded;
  const { files } = await readModel(loaded);
  const ways = line.compare ? 'both' : config.samples.use_cache ? 'cache' : 'full';
  const options = { files, storage: baseStorage(config.memory), rows: line.rows, ways } as const;
  const session = await GenerationSession.open(await ports.openDevice(), options);
  try {
    await useAdapters(session, line);
    if (line.compare) await compare(session, line, ports);
    else for (const prompt of line.prompts) await complete(session, { prompt, config, json: line.json }, ports);
  } finally {
    session.dispose();
  }
}

/** The config that was named, or one that holds no more than the model. */
async function sourceConfig({ source, sets }: GenerateLine): Promise<HeadlessConfig> {
  if (/\.(ya?ml|json)$/.test(source)) return readConfig({ config: source, sets });
  const model = source.startsWith('builtin:') ? source : resolve(source);
  const text = applySets(JSON.stringify({ model, data: { train: 'none' }, method: { type: 'full' } }), sets);
  return { path: resolve('.', 'config'), text, config: checkConfig(text, source) };
}

async function useAdapters(session: GenerationSession, { adapters }: GenerateLine): Promise<void> {
  const selection = [];
  for (const { folder, weight } of adapters) {
    const files = await readFolder(resolve(folder), '--adapter ');
    session.attach(folder, files, await configOfRun(resolve(folder)));
    selection.push({ name: folder, weight });
  }
  if (selection.length > 0) await session.select(selection);
}

/** The config of the run whose result this folder is, if it lies in a run folder. */
async function configOfRun(folder: string): Promise<RunConfig | undefined> {
  try {
    return (await readManifest(nodeFiles(dirname(folder)), '')).config;
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'run.noManifest') return undefined;
    throw error;
  }
}

interface Asked {
  readonly prompt: string;
  readonly config: RunConfig;
  readonly json: boolean;
}

async function complete(
  session: GenerationSession,
  { prompt, config, json }: Asked,
  ports: EnginePorts,
): Promise<void> {
  const { samples, training } = config;
  const settings = { ...samples, seed: samples.seed ?? training.seed, name: 'sample 0' };
  const started = ports.now();
  let [text, tokens] = ['', 0];
  for await (const so of session.generate(prompt, settings)) {
    if (!json && ports.terminal) ports.show(so.text.startsWith(text) ? so.text.slice(text.length) : `\n${so.text}`);
    ({ text, tokens } = so);
  }
  const ms = ports.now() - started;
  if (json) ports.print(JSON.stringify({ prompt, completion: text, tokens, ms }));
  else {
    if (ports.terminal) ports.show('\n');
    ports.print(`${prompt}${text}`);
  }
}

const points = 12;

async function compare(session: GenerationSession, line: GenerateLine, ports: EnginePorts): Promise<void> {
  const { tokenizer, model } = session.read;
  const cached = session.logits(true);
  const full = session.logits(false);
  const longest = Math.min(cached.longest, full.longest, model.maxPositions);
  const options = {
    ...greedy,
    max_new_tokens: longest,
    stop_strings: [],
    seed: 0,
    name: '',
    ends: new Set<number>(),
    tokenizer,
  };
  const prompt = promptTokens(line.prompts.at(0) ?? '', tokenizer).slice(0, longest - 1);
  const text = [...prompt, ...(await completion(cached, prompt, options))];
  const lengths = Array.from({ length: points }, (_, point) => Math.round(((point + 1) * longest) / points));
  const times = [];
  const asked = { cached, full, text, lengths, repeats: 7, now: ports.now };
  for await (const time of compareWays(asked)) {
    ports.show(`${time.length} tokens: ${time.cachedMs.toFixed(1)} ms cached, ${time.fullMs.toFixed(1)} ms without\n`);
    times.push(time);
  }
  ports.print(JSON.stringify({ model: basename(line.source), kvCacheBytes: session.memory.kvCache ?? 0, times }));
}
