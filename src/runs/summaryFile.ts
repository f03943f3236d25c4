import type { RunSummary } from '../common/run/summary';
import { summarize } from '../common/run/summary';
import { isActive } from '../common/run/stateMachine';
import type { RunView } from '../common/run/view';
import { decodeText, encodeText, joinPath, type Files } from './files';
import { journalFiles } from './journal';

/*
 * `summary.json` lets a hundred runs be listed without reading their events. It is derived, can be deleted at any time,
 * and is used only while it describes the events folder as it is.
 */

interface SummaryFile {
  readonly version: 1;
  readonly events: EventsState;
  readonly summary: RunSummary;
}

/** Number of segments and the size of the last one; a tail means that somebody is writing or was cut off. */
interface EventsState {
  readonly segments: number;
  readonly lastSize: number;
}

/** Writes the summary of a run at rest; one that is going on gets none, its events are the truth. */
export async function writeSummary(files: Files, folder: string, view: RunView): Promise<void> {
  const events = await eventsState(files, folder);
  if (!events || isActive(view.state)) return;
  const content: SummaryFile = { version: 1, events, summary: summarize(view) };
  await files.write(joinPath(folder, 'summary.json'), encodeText(JSON.stringify(content) + '\n'));
}

/** The summary, or `undefined` if there is none that fits the events. */
export async function readSummary(files: Files, folder: string): Promise<RunSummary | undefined> {
  try {
    const [bytes, events] = await Promise.all([
      files.read(joinPath(folder, 'summary.json')),
      eventsState(files, folder),
    ]);
    const content = JSON.parse(decodeText(bytes)) as Partial<SummaryFile>;
    const fits =
      content.version === 1 &&
      events !== undefined &&
      content.events?.segments === events.segments &&
      content.events.lastSize === events.lastSize;
    return fits && isSummary(content.summary) ? content.summary : undefined;
  } catch {
    return undefined;
  }
}

async function eventsState(files: Files, folder: string): Promise<EventsState | undefined> {
  const events = joinPath(folder, 'events');
  const names = await journalFiles(files, events);
  const last = names.at(-1);
  if (last === undefined || last.startsWith('tail.')) return undefined;
  const stat = await files.stat(joinPath(events, last));
  return stat && { segments: names.length, lastSize: stat.size };
}

function isSummary(value: unknown): value is RunSummary {
  const summary = (value ?? {}) as Partial<Record<keyof RunSummary, unknown>>;
  const { id, name, configPath, state, step, totalSteps, createdAt } = summary;
  const texts = [id, name, configPath, state].every(one => typeof one === 'string');
  return texts && [step, totalSteps, createdAt].every(one => typeof one === 'number');
}
