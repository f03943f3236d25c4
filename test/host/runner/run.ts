/** Starts a workbench with the extension and its test extension, runs the host tests and prints their report. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../tools/process.mjs';
import { launchBrowser } from '../../tools/chrome.mjs';
import { openWindow, runCommand, until } from '../../workbench/driver';
import { exampleWorkspace, packagedExtension, packagedTests } from '../../workbench/example';
import { startWorkbench } from '../../workbench/server';
import type { HostReport } from './report';

const file = join(root, 'out/host-report.json');

/** The report as it is now; undefined before the first test and while the file is being written. */
function readReport(): HostReport | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as HostReport;
  } catch {
    return undefined;
  }
}

async function run(): Promise<HostReport> {
  rmSync(file, { force: true });
  const workbench = await startWorkbench({ vsix: [packagedExtension(), packagedTests] });
  const browser = await launchBrowser();
  try {
    const page = await openWindow(browser, workbench.url(exampleWorkspace()));
    await runCommand(page, 'PEFT Tests: Run Host Tests');
    let shown = 0;
    await until(
      () => {
        const report = readReport();
        const lines = report?.lines ?? [];
        for (; shown < lines.length; shown++) console.log(`  ${lines[shown]}`);
        return report?.done ?? false;
      },
      'the host tests',
      480,
    );
    return readReport() ?? { lines: [], passed: 0, failed: 1, done: true };
  } finally {
    await browser.close();
    await workbench.stop();
  }
}

const report = await run();
console.log(`\n  ${report.passed} passing\n  ${report.failed} failing`);
process.exitCode = report.failed > 0 || report.passed === 0 ? 1 : 0;
