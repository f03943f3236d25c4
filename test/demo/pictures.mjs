/**
 * `npm run pictures [-- --copy]`: the README's pictures, taken from one run of the demo so that they show the same version.
 * With `--copy` they come from the `demo-out/` of the last run.
 */
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { must, root } from '../tools/process.mjs';

/** Picture in `docs/images/` → picture of the demo. */
const pictures = {
  'dashboard-dark': 'dashboard-running-dark',
  'config-editor': 'config-editor-light',
  'budget-light': 'budget-light',
  'budget-dark': 'budget-dark',
  'budget-fixes-light': 'budget-fixes-light',
  samples: 'dashboard-completed-below-light',
};

if (!process.argv.includes('--copy')) await must('node', ['test/demo/demo.mjs'], { minutes: 40 });
for (const [name, source] of Object.entries(pictures)) {
  const from = join(root, 'demo-out', `${source}.png`);
  if (!existsSync(from)) throw new Error(`${from} is missing: run npm run pictures without --copy.`);
  copyFileSync(from, join(root, 'docs/images', `${name}.png`));
  console.log(`docs/images/${name}.png is ${source}.png of the demo`);
}
