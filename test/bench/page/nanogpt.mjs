/** The character model in @genai-fi/nanogpt, by its public API: a training job that logs tokens and seconds. */
import { data, TeachableLLM } from '@genai-fi/nanogpt';
import { generator } from './shapes';

/**
 * Tokens per second of a training job, measured between its log entries: the first one, with all warm-up, is left out.
 * @returns {Promise<{ tokensPerSecond: number, losses: number[] }>}
 */
export async function train(shape, seconds) {
  await TeachableLLM.selectBackend('webgpu');
  const model = TeachableLLM.create('char', {
    modelType: 'GenAI_NanoGPT_v1',
    useRope: false,
    vocabSize: shape.vocabulary,
    blockSize: shape.length,
    nLayer: shape.layers,
    nHead: shape.heads,
    nEmbed: shape.width,
    mlpFactor: 4,
  });
  await new Promise((resolve, reject) => {
    model.on('error', reject);
    model.on('loaded', resolve);
  });
  const streams = [new data.MemoryConversationStream(conversations())];
  await model.trainTokeniser(streams);
  const options = { method: { type: 'pretraining' }, batchSize: shape.batch, logInterval: 1, learningRate: 1e-3 };
  const entries = [];
  const job = await model.training.job(options, streams, [{ id: 'bench', name: 'bench' }]);
  await new Promise((resolve, reject) => {
    model.training.on('error', (_, error) => reject(error));
    const start = performance.now();
    model.training.on('progress', ({ history }) => {
      const { totalTokens, duration, trainingMetrics } = history.at(-1);
      entries.push({ totalTokens, duration, loss: trainingMetrics.loss });
      if (entries.length >= 2 && performance.now() - start > seconds * 1000) resolve();
    });
  });
  model.training.cancel(job.id);
  const rates = entries.slice(1).map((entry, i) => {
    const before = entries[i];
    return ((entry.totalTokens - before.totalTokens) * 1000) / (entry.duration - before.duration);
  });
  return { tokensPerSecond: Math.max(...rates), losses: entries.map(entry => entry.loss) };
}

/** Text of random words, enough for any number of blocks. */
function conversations() {
  const next = generator(5);
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const word = () =>
    Array.from({ length: 3 + Math.floor(next() * 6) }, () => letters[Math.floor(next() * 26)]).join('');
  const sentence = () => Array.from({ length: 12 }, word).join(' ');
  return Array.from({ length: 400 }, () => [{ role: 'assistant', content: sentence() }]);
}
