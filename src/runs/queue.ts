import { toProblem, type Problem } from '../common/errors';
import { Emitter } from '../common/lifecycle';
import { decodeText, encodeText, type Files } from './files';

const path = '.peft/queue.json';

/** A run that waits, with its config as it was when it was queued. */
export interface QueueItem {
  readonly id: string;
  readonly name: string;
  /** Key of the workspace folder, as `RunStore` knows it. */
  readonly folder: string;
  readonly configPath: string;
  readonly configText: string;
  readonly addedAt: number;
}

/** Runs in the order in which they will be started; kept in a file, so it survives a reload. */
export class RunQueue {
  private list: readonly QueueItem[] = [];
  private work: Promise<void> = Promise.resolve();
  private readonly changed = new Emitter<void>();
  readonly onDidChange = this.changed.event;

  /** @param files rooted at the workspace folder that keeps the queue; without one it lives in memory. */
  constructor(
    private readonly files: Files | undefined,
    private readonly onProblem: (problem: Problem) => void,
  ) {}

  get items(): readonly QueueItem[] {
    return this.list;
  }

  /** Reads the file. Entries that are not understood are left out and reported. */
  async load(): Promise<void> {
    if (!this.files || !(await this.files.stat(path))) return;
    let value: unknown;
    try {
      value = JSON.parse(decodeText(await this.files.read(path)));
    } catch {
      value = undefined;
    }
    const items: unknown[] = Array.isArray(value) ? value : [];
    this.list = items.filter(isItem);
    if (!Array.isArray(value) || this.list.length < items.length) {
      const message = `${path} has entries that are not queued runs.`;
      this.onProblem({ code: 'queue.damaged', message, hint: 'They are left out; queue the runs again.' });
    }
    this.changed.fire();
  }

  add(item: QueueItem): Promise<void> {
    return this.replace([...this.list, item]);
  }

  /** Puts the items with these ids before `before`, in their present order; at the end without `before`. */
  move(ids: readonly string[], before?: string): Promise<void> {
    if (before !== undefined && ids.includes(before)) return Promise.resolve();
    const moved = this.list.filter(item => ids.includes(item.id));
    const rest = this.list.filter(item => !ids.includes(item.id));
    const at = before === undefined ? -1 : rest.findIndex(item => item.id === before);
    const index = at < 0 ? rest.length : at;
    return this.replace([...rest.slice(0, index), ...moved, ...rest.slice(index)]);
  }

  remove(ids: readonly string[]): Promise<void> {
    return this.replace(this.list.filter(item => !ids.includes(item.id)));
  }

  /** Takes the first item out. */
  async shift(): Promise<QueueItem | undefined> {
    const first = this.list.at(0);
    if (first) await this.remove([first.id]);
    return first;
  }

  dispose(): void {
    this.changed.dispose();
  }

  private replace(list: readonly QueueItem[]): Promise<void> {
    this.list = list;
    this.changed.fire();
    this.work = this.work.then(() => this.save());
    return this.work;
  }

  private async save(): Promise<void> {
    try {
      if (this.list.length > 0)
        await this.files?.write(path, encodeText(JSON.stringify(this.list, undefined, 2) + '\n'));
      else await this.files?.remove(path);
    } catch (error) {
      this.onProblem(toProblem(error));
    }
  }
}

function isItem(value: unknown): value is QueueItem {
  if (typeof value !== 'object' || value === null) return false;
  const item = value as Partial<Record<keyof QueueItem, unknown>>;
  const texts = [item.id, item.name, item.folder, item.configPath, item.configText];
  return texts.every(text => typeof text === 'string') && typeof item.addedAt === 'number';
}
