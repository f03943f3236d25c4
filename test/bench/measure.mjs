/** What is measured, in which order. All times in milliseconds, the best of all rounds. */

const forms = ['nt', 'nn', 'tn'];
const size = 512;
const nanogptSeconds = 5;

/**
 * @param {import('./browser.mjs').Bench} bench
 * @param {number} rounds
 */
export async function measure(bench, rounds) {
  const page = await bench.open('main');
  const adapter = await page.evaluate(async () => {
    const { ours, jax, tfjs } = globalThis.bench;
    await jax.open();
    await tfjs.open();
    return ours.open();
  });
  console.log(`bench: ${adapter}, ${rounds} rounds`);
  const first = await firstSteps(page);
  const steps = await trainingSteps(page, rounds);
  const products = await matrixProducts(page, rounds);
  const dispatch = await page.evaluate(count => globalThis.bench.ours.dispatchCost(count), 4 * rounds);
  const characters = await characterModel(bench, page, rounds);
  return { adapter, rounds, size, first, steps, products, dispatch, characters };
}

/** First steps come first: nothing is compiled yet. */
async function firstSteps(page) {
  const first = {};
  const call = (engine, ...start) => page.evaluate(firstStepIn, [engine, ...start]);
  first.ours = await call('ours', 'full');
  first.jax = await call('jax');
  first.tfjs = await call('tfjs');
  first.lora = await call('ours', 'lora');
  for (const [name, { ms, loss }] of Object.entries(first))
    say(`first step ${name}`, `${ms.toFixed(0)} ms, loss ${loss}`);
  return first;
}

function firstStepIn([engine, ...start]) {
  const { shapes, ...engines } = globalThis.bench;
  return engines[engine].firstStep(...start, shapes.gpt);
}

function stepIn([engine, ...start]) {
  const { shapes, ...engines } = globalThis.bench;
  return engines[engine].step(...start, shapes.gpt);
}

async function trainingSteps(page, rounds) {
  const best = { full: Infinity, lora: Infinity, jax: Infinity, tfjs: Infinity };
  const losses = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, call] of Object.entries({ full: ['ours', 'full'], jax: ['jax'], lora: ['ours', 'lora'] })) {
      const { ms, loss } = await page.evaluate(stepIn, call);
      best[name] = Math.min(best[name], ms);
      losses[name] = loss;
    }
    if (round >= 3) continue;
    const { ms, loss } = await page.evaluate(stepIn, ['tfjs']);
    best.tfjs = Math.min(best.tfjs, ms);
    losses.tfjs = loss;
  }
  say('training step', JSON.stringify(best));
  return {
    ...best,
    losses,
    tokens: await page.evaluate(() => globalThis.bench.shapes.gpt.length * globalThis.bench.shapes.gpt.batch),
  };
}

async function matrixProducts(page, rounds) {
  const products = { peak: 0 };
  for (const form of forms) products[form] = { ours: Infinity, jax: Infinity, tfjs: Infinity };
  for (let round = 0; round < rounds; round++) {
    products.peak = Math.max(products.peak, await page.evaluate(() => globalThis.bench.peak()));
    for (const form of forms)
      for (const engine of ['ours', 'jax', 'tfjs']) {
        if (engine === 'tfjs' && round > 3) continue;
        const ms = await page.evaluate(([name, f, n]) => globalThis.bench[name].matmul(f, n), [engine, form, size]);
        products[form][engine] = Math.min(products[form][engine], ms);
      }
  }
  say('matrix products', JSON.stringify(products));
  return products;
}

async function characterModel(bench, page, rounds) {
  const other = await bench.open('nanogptMain');
  const shape = await page.evaluate(() => globalThis.bench.shapes.characters);
  const ours = await page.evaluate(async count => {
    const { ours, shapes } = globalThis.bench;
    await ours.firstStep('full', shapes.characters);
    let best = Infinity;
    for (let i = 0; i < count; i++) best = Math.min(best, (await ours.step('full', shapes.characters)).ms);
    return best;
  }, rounds);
  const nanogpt = await other.evaluate(
    ([given, seconds]) => globalThis.bench.nanogpt.train(given, seconds),
    [shape, nanogptSeconds],
  );
  const tokensPerSecond = (shape.batch * shape.length * 1000) / ours;
  say('characters', JSON.stringify({ ours: tokensPerSecond, nanogpt }));
  return { ours: tokensPerSecond, nanogpt: nanogpt.tokensPerSecond };
}

function say(what, text) {
  console.log(`bench: ${what}: ${text}`);
}
