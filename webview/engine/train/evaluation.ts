import { problem } from '../../../src/common/errors';
import type { EvaluationDraw, TrainEvent } from '../../../src/common/run/events';
import { leadOf, packBatch } from '../data/batches';
import type { Example } from '../data/examples';
import { planEvaluation } from '../data/windows';
import { exactMatch } from '../generate/exactMatch';
import { nextLogits } from '../generate/nextLogits';
import type { Engine } from './engine';
import type { Draw, FewShotRun } from './fewShotRun';
import { implicitUpdate } from './implicitUpdate';
import type { PreparedRun } from './prepare';

/** What an evaluation needs of the run it belongs to. */
export interface EvaluationContext {
  readonly engine: Engine;
  readonly run: PreparedRun;
  /** Words of the Step uniform for a batch with so many loss tokens. */
  readonly words: (lossTokens: number) => Uint32Array<ArrayBuffer>;
}

/** Mean over all loss tokens of some examples, dropout off. */
export async function meanLoss(
  { engine, run, words }: EvaluationContext,
  examples: readonly Example[],
): Promise<{ loss: number; lossTokens: number }> {
  const { per_device_eval_batch_size: size } = run.job.config.training;
  let [lossSum, lossTokens] = [0, 0];
  for (const rows of planEvaluation(examples.length, size)) {
    const batch = packBatch(examples, rows, leadOf(run.method.virtualTokens));
    lossSum += await engine.evaluate(batch, words(batch.lossTokens));
    lossTokens += batch.lossTokens;
  }
  const loss = lossSum / lossTokens;
  if (!Number.isFinite(loss))
    throw problem(
      'train.nonfinite',
      'The evaluation loss is not a finite number.',
      'Lower training.learning_rate or add warm-up, and resume from the last checkpoint.',
    );
  return { loss, lossTokens };
}

/**
 * Few-shot prompting: the evaluation rows behind each draw's shots, with the scorer of trained methods. After every draw
 * an `evaluation` of step 0 with the mean so far takes the place of the one before; at the end comes the implicit
 * update. `proceed` is asked before each draw and says whether to go on.
 */
export async function* evaluateDraws(
  context: EvaluationContext,
  fewShot: FewShotRun,
  proceed: () => Promise<boolean>,
): AsyncGenerator<TrainEvent> {
  const draws: EvaluationDraw[] = [];
  for (const draw of fewShot.draws) {
    if (!(await proceed())) return;
    const { lossTokens, ...found } = await evaluateDraw(context, draw);
    draws.push(found);
    yield { type: 'evaluation', step: 0, lossTokens, ...meanOf(draws), draws: [...draws] };
  }
  const { engine, run } = context;
  if (run.job.config.training.importance_steps > 0)
    yield { type: 'importance', step: 0, tables: [await implicitUpdate(engine, run, fewShot)] };
}

async function evaluateDraw(
  context: EvaluationContext,
  draw: Draw,
): Promise<EvaluationDraw & { readonly lossTokens: number }> {
  const { engine, run, words } = context;
  const { loss, lossTokens } = await meanLoss(context, draw.examples);
  const ends = new Set([run.tokenizer.eosId, ...run.model.eosTokenIds]);
  const options = { tokenizer: run.tokenizer, ends };
  const share = await exactMatch(nextLogits(engine, words(1)), draw.matched, options);
  const found = { rows: draw.rows, loss, logLikelihood: -loss * lossTokens, lossTokens };
  return share === undefined ? found : { ...found, exactMatch: share };
}

function meanOf(draws: readonly EvaluationDraw[]): { loss: number; exactMatch?: number } {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const matches = draws.flatMap(draw => (draw.exactMatch === undefined ? [] : [draw.exactMatch]));
  const loss = mean(draws.map(draw => draw.loss));
  return matches.length === 0 ? { loss } : { loss, exactMatch: mean(matches) };
}
