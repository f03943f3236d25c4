/** Stands where VS Code stands for the comparison page: hands it the API and answers over the real connection. */
import type { ComparisonRequests, ComparisonSnapshot } from '../../../src/common/comparison/protocol';
import { problem } from '../../../src/common/errors';
import { connect } from '../../../src/common/rpc';
import { standIn, type PageWindow } from '../standIn';
import { compareScenes } from './scenes';

interface ComparisonWindow extends PageWindow {
  /** Delivers the variants of another scene, as they change while runs go on. */
  deliver(name: string): void;
  /** A comparison read from run folders, instead of a scene. */
  given?: ComparisonSnapshot;
}
declare const window: ComparisonWindow;

const query = new URLSearchParams(location.search);
const scene = window.given ? { snapshot: window.given } : compareScenes[query.get('scene') ?? 'bakeoff']();
const port = standIn(query.get('theme') ?? 'dark');

window.deliver = name => {
  connection.notify({ type: 'variants', variants: compareScenes[name]().snapshot?.variants ?? [] });
};
const note = (method: string) => (params: unknown) => {
  window.asked.push({ method, params });
  return { accepted: true as const };
};
const connection = connect<ComparisonRequests, Record<never, never>>(port, {
  handlers: {
    hydrate: () => {
      if ('refuse' in scene) throw problem('comparison.gone', 'comparison.json is not there any more.', 'Restore it.');
      return scene.snapshot ?? new Promise(() => undefined);
    },
    openRun: note('openRun'),
    openConfig: note('openConfig'),
    queueMissing: params => {
      note('queueMissing')(params);
      return { queued: 1 };
    },
    save: params => {
      note('save')(params);
      return { saved: true };
    },
  },
});
