import { problem } from '../../../src/common/errors';
import type { TrainJob } from '../../../src/common/protocol';
import type { FewShotConfig } from '../../../src/common/config/schema';
import { drawShots, promptWithShots, shotText, withShots, type ShotOptions } from '../data/fewShot';
import type { Example } from '../data/examples';
import type { Row } from '../data/rows';
import type { TextTokenizer } from '../data/tokenizer';
import type { ModelConfig } from '../model/config';

/** One draw: which training rows are shown, and the evaluation rows with these before them. */
export interface Draw {
  readonly rows: readonly number[];
  readonly text: string;
  readonly examples: readonly Example[];
  /** The same with prompts masked, for exact match. */
  readonly matched: readonly Example[];
}

/** What few-shot prompting does in place of training. */
export interface FewShotRun {
  readonly draws: readonly Draw[];
  /** The evaluation rows without shots. */
  readonly bare: readonly Example[];
  /** Tokens of each sample prompt behind the shots of the first draw. */
  readonly prompts: readonly (readonly number[])[];
}

export interface FewShotData {
  readonly train: readonly Row[];
  readonly evaluation: readonly Row[] | undefined;
  readonly tokenizer: TextTokenizer;
  readonly model: ModelConfig;
}

/** Draws the shots of a run. Throws `fewshot.eval` without evaluation rows, and what `withShots` throws. */
export function planFewShot(job: TrainJob, method: FewShotConfig, data: FewShotData): FewShotRun {
  const { train, evaluation, tokenizer, model } = data;
  const { samples, training, data: files } = job.config;
  if (!evaluation)
    throw problem(
      'fewshot.eval',
      'Few-shot prompting trains nothing, and there is nothing to evaluate.',
      'Set data.eval.',
    );
  const options: ShotOptions = {
    tokenizer,
    format: method,
    positions: model.maxPositions,
    maxLength: files.max_length,
    label: job.evalLabel ?? 'evaluation data',
    vocabSize: model.vocabSize,
    loss: files.loss,
  };
  const draws = Array.from({ length: method.draws }, (_, draw) => {
    const rows = drawShots(train.length, method.shots, training.seed, draw);
    const shots = rows.map(row => train[row]);
    const examples = withShots(evaluation, shots, options);
    const masked = () => withShots(evaluation, shots, { ...options, loss: 'completion' });
    return {
      rows,
      text: shotText(shots, method),
      examples,
      matched: files.loss === 'completion' ? examples : masked(),
    };
  });
  const first = draws[0].rows.map(row => train[row]);
  const prompts = samples.prompts.map(prompt => promptWithShots(prompt, first, options));
  return { draws, bare: withShots(evaluation, [], { ...options, loss: 'completion' }), prompts };
}
