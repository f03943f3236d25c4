/**
 * The dashboard in a plain browser, fed by generated runs.
 *
 *   node test/app/preview.mjs                                   serves it and prints the address
 *   node test/app/preview.mjs --shots DIR [--scenes a,b] [--themes dark,light] [--widths 400,1000] [--card SELECTOR]
 *   … --runs FOLDER,FOLDER                                      run folders for the scene `recorded`
 */
import { list, option, printOrShoot } from './previewCommand.mjs';
import { startPreview } from './serve.mjs';

const runs = option('--runs')?.split(',') ?? [];
await printOrShoot(await startPreview(runs), {
  example: 'scene=running&theme=dark',
  choice: 'themes: dark, light, contrast; scenes: see test/app/scenes.ts',
  pictures: {
    scenes: list('--scenes', 'running,overlay,interrupted,starting,empty'),
    themes: list('--themes', 'dark,light,contrast'),
    widths: list('--widths', '400,1000,1600'),
    card: option('--card'),
  },
});
