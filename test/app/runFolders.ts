/** Run folders as the extension leaves them, written by its own writer. */
import { joinPath, type Files } from '../../src/runs/files';
import { createRun } from '../../src/runs/runFolder';
import { eventsOf, manifestOf, type RunShape } from './fixtures';

const runs = '.peft/runs';
const states = ['completed', 'stopped', 'failed', 'interrupted'] as const;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Writes one run under its own id, as {@link manifestOf} names it; answers the number of its events. */
export async function writeRun(files: Files, shape: RunShape): Promise<number> {
  const manifest = manifestOf(shape);
  const events = eventsOf(shape);
  let now = manifest.createdAt;
  const clock = () => (now += 500);
  const writer = await createRun(files, joinPath(runs, manifest.id), { manifest, configText: 'model: x\n' }, clock);
  for (let at = 0; at < events.length; at += 200) await writer.append(events.slice(at, at + 200));
  await writer.close();
  return events.length;
}

/**
 * Writes `count` runs at rest in the folder `.peft/runs`: one of each state by the writer, the others as copies under
 * their own id, name and time. Answers the number of events of a run.
 */
export async function writeRuns(files: Files, count: number, shape: Omit<RunShape, 'state' | 'name'>): Promise<number> {
  let events = 0;
  const templates = states.slice(0, count).map((state, i) => ({ ...shape, name: `run-${i}`, state, seed: 40 + i }));
  for (const template of templates) events = await writeRun(files, template);
  for (let i = templates.length; i < count; i++) await copyRun(files, templates[i % templates.length], i);
  return events;
}

async function copyRun(files: Files, template: RunShape, number: number): Promise<void> {
  const { id, createdAt } = manifestOf(template);
  const named = manifestOf({ ...template, name: `run-${number}` });
  const rename = (text: string): string =>
    text
      .replaceAll(id, named.id)
      .replaceAll(`"${template.name}"`, `"${named.name}"`)
      .replace(/("createdAt":\s*)\d+/, `$1${createdAt + 60_000 * number}`);
  const copy = async (folder: string): Promise<void> => {
    for (const entry of await files.list(joinPath(runs, id, folder))) {
      const path = joinPath(folder, entry.name);
      if (entry.folder) await copy(path);
      else {
        const bytes = await files.read(joinPath(runs, id, path));
        const named = /^(run|summary)\.json$/.test(path) ? encoder.encode(rename(decoder.decode(bytes))) : bytes;
        await files.write(joinPath(runs, idOf(number), path), named);
      }
    }
  };
  const idOf = (i: number): string => manifestOf({ ...template, name: `run-${i}` }).id;
  await copy('');
}
