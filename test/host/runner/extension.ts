/** Extension that runs mocha inside the extension host, beside the extension under test. */
import type Mocha from 'mocha';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as vscode from 'vscode';
import type { ExtensionApi } from '../../../src/extension';
import type { HostReport } from './report';

/** Absolute path of the repository, put in by the bundler: mocha and the report live there. */
declare const repository: string;

export function activate(context: vscode.ExtensionContext): void {
  const run = (): Promise<void> => runTests(join(context.extensionPath, 'tests'));
  context.subscriptions.push(
    vscode.commands.registerCommand('peftTests.run', run),
    vscode.commands.registerCommand('peftTests.loseDevice', loseDevice),
  );
}

/** Destroys the engine's device, as a driver reset would. */
async function loseDevice(): Promise<void> {
  const extension = vscode.extensions.getExtension<ExtensionApi>('peft-workbench.peft-workbench');
  const api = await extension?.activate();
  await api?.engine.request('loseDevice', {});
}

async function runTests(folder: string): Promise<void> {
  const report: HostReport = { lines: [], passed: 0, failed: 0, done: false };
  const write = (): void => writeFileSync(join(repository, 'out/host-report.json'), JSON.stringify(report));
  try {
    await runMocha(folder, report, write);
  } catch (error) {
    report.failed++;
    report.lines.push(`The host tests could not be run: ${error instanceof Error ? error.stack : String(error)}`);
  }
  report.done = true;
  write();
}

async function runMocha(folder: string, report: HostReport, write: () => void): Promise<void> {
  const { default: MochaClass } = (await import(mochaUrl())) as { default: typeof Mocha };
  const mocha = new MochaClass({ ui: 'bdd', timeout: 60_000, reporter: 'min' });
  const files = readdirSync(folder, { recursive: true }).map(String);
  for (const file of files.filter(name => name.endsWith('.test.js'))) mocha.addFile(join(folder, file));
  await new Promise<void>(resolve => {
    const runner = mocha.run(() => resolve());
    runner.on('pass', test => tell(`✓ ${test.fullTitle()}`, 'passed'));
    runner.on('fail', (test, error: Error) => tell(`✗ ${test.fullTitle()}\n${error.stack ?? error.message}`, 'failed'));
  });

  function tell(line: string, result: 'passed' | 'failed'): void {
    report[result]++;
    report.lines.push(line);
    write();
  }
}

function mochaUrl(): string {
  return pathToFileURL(join(repository, 'node_modules/mocha/index.js')).href;
}
