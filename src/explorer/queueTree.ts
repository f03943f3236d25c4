import * as vscode from 'vscode';
import type { QueueItem, RunQueue } from '../runs/queue';

const mime = 'application/vnd.code.tree.peft.queue';

/** The Queue view: runs in the order in which they will start, to be dragged into another one. */
export class QueueTree
  implements vscode.TreeDataProvider<QueueItem>, vscode.TreeDragAndDropController<QueueItem>, vscode.Disposable
{
  readonly dragMimeTypes = [mime];
  readonly dropMimeTypes = [mime];
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly listening: vscode.Disposable;
  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly queue: RunQueue) {
    this.listening = vscode.Disposable.from(queue.onDidChange(() => this.changed.fire()));
  }

  getChildren(item?: QueueItem): QueueItem[] {
    return item ? [] : [...this.queue.items];
  }

  getTreeItem(item: QueueItem): vscode.TreeItem {
    const node = new vscode.TreeItem(item.name);
    node.id = item.id;
    node.description = item.configPath;
    node.contextValue = 'queued';
    node.iconPath = new vscode.ThemeIcon('clock');
    return node;
  }

  handleDrag(items: readonly QueueItem[], transfer: vscode.DataTransfer): void {
    transfer.set(mime, new vscode.DataTransferItem(items.map(item => item.id)));
  }

  async handleDrop(target: QueueItem | undefined, transfer: vscode.DataTransfer): Promise<void> {
    const ids: unknown = transfer.get(mime)?.value;
    if (Array.isArray(ids))
      await this.queue.move(
        ids.filter(id => typeof id === 'string'),
        target?.id,
      );
  }

  dispose(): void {
    this.listening.dispose();
    this.changed.dispose();
  }
}
