/**
 * Installs a real VS Code for the tests and the demo: code-server from npm (pinned by package-lock.json), the modules of
 * the VS Code inside it (pinned by its own shrinkwrap) and the node it needs. No native module is built: everything but
 * the terminal works without them. Run again, it does nothing.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { must, root } from '../tools/process.mjs';

const folder = join(root, 'test/workbench');
const server = join(folder, 'node_modules/code-server');

const nodePackages = [`node-${process.platform}-${process.arch}`, `node-bin-${process.platform}-${process.arch}`];

/** Program that runs code-server: node 24 from npm where it has one for this machine, else the running node. */
export function serverNode() {
  const programs = nodePackages.map(name => join(folder, 'node_modules', name, 'bin/node'));
  return programs.find(existsSync) ?? process.execPath;
}

/** Entry point of code-server. */
export const serverEntry = join(server, 'out/node/entry.js');

const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
const quiet = { quiet: true, minutes: 10 };

/** Installs what is missing and says so on the terminal. */
export async function installWorkbench() {
  const vscode = join(server, 'lib/vscode');
  if (!existsSync(serverEntry)) {
    console.log('workbench: installing code-server 4.139.1 (VS Code 1.139) and node 24 from npm into test/workbench');
    await must('npm', ['ci', ...flags], { cwd: folder, ...quiet });
  }
  for (const part of [vscode, join(vscode, 'extensions')]) {
    if (existsSync(join(part, 'node_modules/.package-lock.json'))) continue;
    console.log(`workbench: installing the modules of ${part.slice(folder.length + 1)}`);
    await must('npm', ['install', '--omit=dev', ...flags], { cwd: part, ...quiet });
  }
}
