/** The estimate page in a plain browser. */
import { servePage } from '../servePage.mjs';

/** Scenes are chosen by the query: `?scene=budget&theme=dark`, see `scenes.ts`. */
export function startEstimatePreview() {
  const [page, harness] = ['webview/app/estimate/main.ts', 'test/app/estimate/harness.ts'];
  return servePage({ name: 'estimate', page, harness });
}
