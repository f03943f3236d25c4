/**
 * The estimate page in a plain browser, with the engine's own planner behind it.
 *
 *   node test/app/estimate/preview.mjs                          serves it and prints the address
 *   node test/app/estimate/preview.mjs --shots DIR [--scenes a,b] [--themes dark,light] [--widths 400,1000]
 */
import { list, printOrShoot } from '../previewCommand.mjs';
import { startEstimatePreview } from './serve.mjs';

await printOrShoot(await startEstimatePreview(), {
  example: 'scene=budget&theme=dark',
  choice: 'themes: dark, light, contrast; scenes: test/app/estimate/scenes.ts',
  pictures: {
    scenes: list('--scenes', 'budget,compared,broken,modelless'),
    themes: list('--themes', 'dark,light'),
    widths: list('--widths', '1280'),
    prefix: 'estimate-',
  },
});
