/**
 * The comparison page in a plain browser, fed by generated runs or by run folders.
 *
 *   node test/app/compare/preview.mjs                                   serves it and prints the address
 *   node test/app/compare/preview.mjs --shots DIR [--scenes a,b] [--themes dark,light] [--widths 400,1000]
 *   node test/app/compare/preview.mjs --runs FOLDER --shots DIR [--key method.r] [--only REGEXP] [--name TEXT] [--question TEXT]
 *
 * With `--runs` the page shows the runs in a folder, e.g. `.peft/runs` of a workspace: methods, or the values of `--key`;
 * `--only` picks runs by their name.
 */
import { list, option, printOrShoot } from '../previewCommand.mjs';
import { startComparePreview } from './serve.mjs';

const runs = option('--runs');
const given = runs && {
  folder: runs,
  key: option('--key'),
  only: option('--only'),
  name: option('--name', 'bake-off'),
  question: option('--question', ''),
};
await printOrShoot(await startComparePreview(given), {
  example: 'scene=bakeoff&theme=dark',
  choice: 'themes: dark, light, contrast; scenes: test/app/compare/scenes.ts',
  pictures: {
    scenes: runs ? ['runs'] : list('--scenes', 'bakeoff,running,sweep,waiting'),
    themes: list('--themes', 'dark,light'),
    widths: list('--widths', '1280'),
    prefix: 'comparison-',
  },
});
