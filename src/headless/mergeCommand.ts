import { setImmediate } from 'node:timers/promises';
import { basename, dirname, isAbsolute, join, parse, relative, resolve } from 'node:path';
import { openMerge } from '../../webview/engine/merge';
import { mergeNotes } from '../common/config/quantizedUse';
import { memorySchema } from '../common/config/sections/memory';
import { problem } from '../common/errors';
import { mergeFolder } from '../models/mergeFolder';
import { findAdapter, namedBase, type FoundAdapter } from '../runs/adapterSource';
import { decodeText } from '../runs/files';
import { modelFolder } from './job';
import type { MergeLine } from './mergeArguments';
import { nodeFiles } from './nodeFiles';
import type { EnginePorts } from './ports';

/** Merges an adapter into its base model and writes the model's folder. Needs no GPU. */
export async function mergeCommand(
  line: MergeLine,
  ports: Pick<EnginePorts, 'print' | 'show' | 'onInterrupt'>,
): Promise<void> {
  const out = resolve(line.out);
  const target = nodeFiles(dirname(out));
  if (await target.stat(basename(out)))
    throw problem('merge.exists', `${out} exists already.`, 'Name a new folder with --out, or remove that one first.');
  const adapter = await findAdapter(nodeFiles(parse(out).root), fromRoot(line.source));
  const { folder, label } = await baseOf(line, adapter);
  const source = nodeFiles(folder);
  const memory = adapter.manifest?.config.memory ?? memorySchema.parse({});
  const merger = openMerge({
    config: decodeText(await source.read('config.json')),
    label,
    adapter: adapter.files,
    memory,
    into: line.into,
    dtype: line.dtype,
  });
  for (const { rule, message } of mergeNotes(memory, line.into)) ports.show(`${rule.id}: ${message} ${rule.advice}\n`);
  let interrupted = false;
  const unsubscribe = ports.onInterrupt(() => (interrupted = true));
  const progress = async () => {
    await setImmediate();
    if (interrupted)
      throw problem('merge.cancelled', 'The merge was interrupted; nothing was written.', 'Start it again.');
  };
  const files = await mergeFolder({ source, label, target, name: basename(out), merger, progress }).finally(
    unsubscribe,
  );
  ports.print(
    line.json ? JSON.stringify({ out, base: folder, adapter: adapter.name, files }) : `merged model in ${out}`,
  );
}

/** A path as seen from the root of the disk, with `/`. */
function fromRoot(path: string): string {
  const whole = resolve(path);
  return relative(parse(whole).root, whole).replaceAll('\\', '/');
}

interface Base {
  readonly folder: string;
  readonly label: string;
}

/** The base model that was named, or the one that the run or the adapter names. */
async function baseOf({ model, source }: MergeLine, adapter: FoundAdapter): Promise<Base> {
  const { manifest } = adapter;
  const named = model ?? manifest?.config.model ?? namedBase(adapter);
  if (named === undefined) throw noBase('The adapter does not say which model it belongs to.');
  const near = model !== undefined ? '.' : manifest ? dirname(resolve(manifest.configPath)) : resolve(source);
  const places = isAbsolute(named) || manifest || model !== undefined ? [near] : [near, '.'];
  for (const place of places) {
    const folder = modelFolder(named, resolve(place));
    if (await nodeFiles(folder).stat('config.json')) return { folder, label: named };
  }
  throw noBase(`The base model ${named} is not in ${join(modelFolder(named, resolve(near)))}.`);
}

function noBase(message: string) {
  return problem('merge.base', message, 'Name its folder with --model.');
}
