import { problem } from '../../../src/common/errors';
import type { RunConfig } from '../../../src/common/config/schema';
import type { ModelConfig } from '../model/config';
import { copyInto } from '../ops/accumulate';
import { shareState } from '../ops/attentionShare';
import type { ImportancePlan, MethodRecorder } from './method';

/** When importance is measured, as the train loop decides it. */
export interface MeasurePlan {
  readonly every: number;
  readonly totalSteps: number;
}

export function measurePlan({ importance_steps: every }: RunConfig['training'], totalSteps: number): MeasurePlan {
  return { every, totalSteps };
}

/** The switch of ops/attentionShare: 1 at steps whose importance is reported. */
export function measures(step: number, { every, totalSteps }: MeasurePlan): readonly number[] {
  return [every > 0 && (step === 1 || step % every === 0 || step === totalSteps) ? 1 : 0];
}

/**
 * Mean share of the attention mass on the virtual tokens, per head and block, over the tokens of the step's last
 * micro-batch.
 */
export function shareImportance(recording: MethodRecorder, model: ModelConfig): ImportancePlan {
  const { layers, heads } = model;
  const { recorder } = recording;
  const measured = shareState((name, shape) => recording.state(name, shape), model);
  const output = recorder.tensor('importance', measured.shape, 'state');
  copyInto(recorder, output, measured);
  const blocks = Array.from({ length: layers }, (_, block) => block);
  const rows = Array.from({ length: heads }, (_, head) => head);
  return {
    output,
    count: layers * (heads + 1),
    report: values => {
      const share = (block: number, head: number) =>
        values[block * (heads + 1) + head] / values[(block + 1) * (heads + 1) - 1];
      return {
        tables: [
          {
            metric: 'attention_mass',
            modules: rows.map(head => `head ${head}`),
            blocks,
            values: rows.map(head => blocks.map(block => share(block, head))),
          },
        ],
      };
    },
  };
}

/** Refuses more virtual tokens than leave room for a text. */
export function checkRoom(count: number, { maxPositions }: ModelConfig): void {
  if (count < maxPositions) return;
  throw problem(
    'method.virtual',
    `${count} virtual tokens leave no room for a text: the model has ${maxPositions} positions.`,
    'Lower method.num_virtual_tokens.',
  );
}

/** Virtual tokens change no weight, so there is nothing to merge (rule X09). @throws `merge.virtual` always. */
export function virtualChanges(kind: 'prefix' | 'prompt'): never {
  const what = kind === 'prefix' ? 'A prefix is keys and values' : 'A prompt is vectors at the input';
  throw problem(
    'merge.virtual',
    `${what} beside the weights and cannot be merged into them.`,
    'Keep the adapter beside the model.',
  );
}
