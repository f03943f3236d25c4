import { tmpdir } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { compareWays } from '../../webview/engine/generate/compareWays';
import { GenerationSession } from '../../webview/engine/generate/session';
import { baseStorage } from '../../webview/engine/model/storage';
import type { RunConfig } from '../common/config/schema';
import { ProblemError } from '../common/errors';
import { readManifest } from '../runs/manifest';
import { applySets } from './arguments';
import { cacheChart } from './cacheChart';
import type { GenerateLine } from './generateArguments';
import { checkConfig, readConfig, readFolder, readModel, type HeadlessConfig } from './job';
import { nodeDisk } from './nodeDisk';
import { nodeFiles } from './nodeFiles';
import type { EnginePorts } from './ports';

/** Completes prompts with a model and adapters, or times generation with and without the cache. */
export async function generateCommand(line: GenerateLine, ports: EnginePorts): Promise<void> {
  const loaded = await sourceConfig(line);
  const { config } = loaded;
  const { files } = await readModel(loaded);
  const ways = line.compare ? 'both' : config.samples.use_cache ? 'cache' : 'full';
  const { memory } = config;
  const place = { storage: baseStorage(memory), offload: memory.offload, disk: nodeDisk(tmpdir()) };
  const options = { files, ...place, rows: line.rows, ways } as const;
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

const rounds = 7;

async function compare(session: GenerationSession, line: GenerateLine, ports: EnginePorts): Promise<void> {
  const steps = compareWays(session, { prompt: line.prompts.at(0) ?? '', rounds, now: ports.now });
  let step = await steps.next();
  for (; !step.done; step = await steps.next()) ports.show(`\rround ${step.value} of ${rounds}`);
  ports.show('\n');
  const times = step.value;
  const model = line.source.startsWith('builtin:') ? line.source : basename(line.source);
  const kvCacheBytes = session.memory.kvCache ?? 0;
  if (line.svg !== undefined) {
    const title = 'Time per token, with and without the KV cache';
    const { description, vendor } = session.adapter;
    const cache = `cache ${(kvCacheBytes / 2 ** 20).toFixed(1)} MiB`;
    const svg = cacheChart(times, title, `${model} · ${cache} · ${description || vendor} · median of ${rounds} rounds`);
    const path = resolve(line.svg);
    await nodeFiles(dirname(path)).write(basename(path), new TextEncoder().encode(svg));
  }
  ports.print(JSON.stringify({ model, kvCacheBytes, times }));
}
