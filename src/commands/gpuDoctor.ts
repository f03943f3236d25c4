import * as vscode from 'vscode';
import { toProblem } from '../common/errors';
import type { DoctorLine } from '../common/protocol';
import type { EngineView } from '../engineView/view';

const scheme = 'peft-doctor';

/** `GPU Doctor`: asks the engine what it finds and shows the findings as a page of text. */
export class GpuDoctor implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registered: vscode.Disposable;
  private readonly uri = vscode.Uri.from({ scheme, path: '/GPU Doctor.md' });
  private text = '';
  readonly onDidChange = this.changed.event;

  constructor(private readonly engine: EngineView) {
    this.registered = vscode.workspace.registerTextDocumentContentProvider(scheme, this);
  }

  provideTextDocumentContent(): string {
    return this.text;
  }

  /** Answers the findings, for tests. */
  async show(): Promise<readonly DoctorLine[]> {
    const lines = await this.examine();
    this.text = report(lines);
    this.changed.fire(this.uri);
    await vscode.commands.executeCommand('markdown.showPreview', this.uri);
    return lines;
  }

  dispose(): void {
    this.registered.dispose();
    this.changed.dispose();
  }

  private async examine(): Promise<readonly DoctorLine[]> {
    try {
      await this.engine.ready();
      return (await this.engine.request('doctor', {})).lines;
    } catch (error) {
      const { message, hint } = toProblem(error);
      return [{ check: vscode.l10n.t('Engine'), verdict: 'error', detail: message, hint }];
    }
  }
}

const marks: Readonly<Record<DoctorLine['verdict'], string>> = { ok: '✓', warning: '⚠', error: '✗' };

/** Markdown table of the findings, the remedies below it. */
function report(lines: readonly DoctorLine[]): string {
  const { t } = vscode.l10n;
  const rows = lines.map(line => `| ${marks[line.verdict]} | ${cell(line.check)} | ${cell(line.detail)} |`);
  const remedies = lines.filter(line => line.hint).map(line => `- **${cell(line.check)}**: ${line.hint ?? ''}`);
  return [
    `# ${t('GPU Doctor')}`,
    '',
    `| | ${t('Check')} | ${t('Finding')} |`,
    '|---|---|---|',
    ...rows,
    ...(remedies.length > 0 ? ['', `## ${t('What to do')}`, '', ...remedies] : []),
    '',
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
