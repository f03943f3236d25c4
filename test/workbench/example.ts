import { cpSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../tools/process.mjs';

/** The packaged extension that `npm run package` wrote. */
export function packagedExtension(): string {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, string>;
  return join(root, `${name}-${version}.vsix`);
}

/** The extension whose manifest has only the `browser` entry, packaged. */
export const packagedWebTwin = join(root, 'out/web-twin.vsix');

/** The extension that runs the host tests, packaged. */
export const packagedTests = join(root, 'out/host-tests.vsix');

/** A fresh copy of the example folder, with further files if given; returns its path. */
export function exampleWorkspace(files: Readonly<Record<string, string>> = {}): string {
  const workspace = join(mkdtempSync(join(tmpdir(), 'peft-')), 'devil');
  const example = join(root, 'media/examples/devil');
  const shipped = readdirSync(example).filter(name => /^data$|\.(yaml|md)$/.test(name));
  for (const name of shipped) cpSync(join(example, name), join(workspace, name), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(workspace, name), text);
  return workspace;
}
