/** Stands where VS Code stands for the estimate page: the document is a text, and the engine's own planner answers. */
import { changedText } from '../../../src/common/estimate/changedText';
import type { EstimateRequests } from '../../../src/common/estimate/protocol';
import { estimateSnapshot } from '../../../src/common/estimate/snapshot';
import { baseAs } from '../../../src/common/comparison/variants';
import type { LintFacts } from '../../../src/common/config/facts';
import { parseConfig } from '../../../src/common/config/parse';
import { connect } from '../../../src/common/rpc';
import { forecaster, inspectModel } from '../../../webview/engine/inspect';
import { standIn, type PageWindow } from '../standIn';
import { estimateScenes, smolLm } from './scenes';

interface EstimateWindow extends PageWindow {
  /** Replaces the text of the document, as typing does. */
  type(text: string): void;
  /** The document as it is. */
  written: string;
}
declare const window: EstimateWindow;

const query = new URLSearchParams(location.search);
const scene = estimateScenes[query.get('scene') ?? 'budget'];
window.kept = { changes: scene.changes, scenarios: scene.scenarios };
window.written = scene.text;
const port = standIn(query.get('theme') ?? 'dark');

const model = inspectModel({ config: JSON.stringify(smolLm) }, 'SmolLM2-135M');
const missing = { code: 'path.missing', message: 'The folder models/SmolLM2-135M does not exist.', hint: '' };
const facts: LintFacts = scene.modelless
  ? { files: [{ key: 'model', state: 'missing', problem: missing }] }
  : { model: model.facts, forecast: forecaster(model.config, {}) };

window.type = text => {
  window.written = text;
  connection.notify({ type: 'changed' });
};
const connection = connect<EstimateRequests, Record<never, never>>(port, {
  handlers: {
    estimate: ({ changes, scenarios }) => {
      if (scene.silent) return new Promise(() => undefined);
      const parsed = parseConfig(window.written);
      const file = { address: 'file:///w/letters.peft.yaml', fileName: 'letters', parsed };
      return estimateSnapshot(file, facts, { changes, scenarios });
    },
    apply: ({ changes }) => {
      const { value } = parseConfig(window.written);
      if (value) window.type(changedText(baseAs(window.written, value, facts), changes));
      return { applied: value !== undefined };
    },
    openConfig: params => {
      window.asked.push({ method: 'openConfig', params });
      return { accepted: true };
    },
    save: params => {
      window.asked.push({ method: 'save', params });
      return { saved: true };
    },
  },
});
