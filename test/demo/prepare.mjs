/** What the demo and `npm start` need: packages, a browser, a workbench, and the packaged extension. */
import { ensureChrome, ensurePackages } from '../tools/setup.mjs';
import { must } from '../tools/process.mjs';
import { installWorkbench } from '../workbench/install.mjs';

/** Installs, builds and packages; each step says what it does and is skipped when there is nothing to do. */
export async function prepare() {
  await ensurePackages();
  process.env.CHROME = await ensureChrome();
  await installWorkbench();
  console.log('demo: building and packaging the extension');
  await must('node', ['test/tools/package.mjs'], { quiet: true });
  await must('node', ['esbuild.mjs', '--only', 'demo'], { quiet: true });
}
