/** Ratios, bars and the table of a bench. */

/** @typedef {{ name: string, value: number, bar: number, held: boolean, unit: string }} Bar */

/**
 * Every bar with its value; `atMost` bars hold below, the others above.
 * @returns {Bar[]}
 */
export function barsOf({ size, first, steps, products, characters }) {
  const flops = 2 * size ** 3;
  const rate = ms => flops / ms / 1e6;
  const forms = ['nt', 'nn', 'tn'];
  const atLeast = (name, value, bar, unit = 'x') => ({ name, value, bar, held: value >= bar, unit });
  const atMost = (name, value, bar, unit = 'x') => ({ name, value, bar, held: value <= bar, unit });
  return [
    ...forms.map(form => atLeast(`matmul ${form} / jax-js`, products[form].jax / products[form].ours, 1.7)),
    ...forms.map(form => atLeast(`matmul ${form} / peak`, rate(products[form].ours) / products.peak, 0.5)),
    atLeast('GPT training / jax-js', steps.jax / steps.full, 2),
    atLeast('GPT training / TensorFlow.js', steps.tfjs / steps.full, 8),
    atLeast('character training / nanogpt', characters.ours / characters.nanogpt, 15),
    atMost('first step', first.ours.ms, 2000, 'ms'),
    atMost('first step / jax-js', first.ours.ms / first.jax.ms, 1 / 3),
    atMost('LoRA step / full step', steps.lora / steps.full, 0.75),
  ];
}

/** A Markdown table of rates, then of bars. */
export function table({ adapter, size, steps, products, first, dispatch, characters }, bars) {
  const rate = ms => (2 * size ** 3) / ms / 1e6;
  const speed = ms => (steps.tokens * 1000) / ms;
  const row = cells => `| ${cells.join(' | ')} |`;
  const n = (value, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits) : '–');
  const rows = [
    [`${adapter}`, 'PEFT Workbench', 'jax-js', 'TensorFlow.js', 'nanogpt'],
    ['---', '---:', '---:', '---:', '---:'],
    ...['nt', 'nn', 'tn'].map(form => {
      const { ours, jax, tfjs } = products[form];
      return [
        `matmul ${size}³ ${form}, GFLOP/s (peak ${n(products.peak)})`,
        n(rate(ours)),
        n(rate(jax)),
        n(rate(tfjs)),
        '',
      ];
    }),
    ['GPT full training, tokens/s', n(speed(steps.full), 0), n(speed(steps.jax), 0), n(speed(steps.tfjs), 0), ''],
    ['GPT LoRA training, tokens/s', n(speed(steps.lora), 0), '', '', ''],
    ['character model, tokens/s', n(characters.ours, 0), '', '', n(characters.nanogpt, 0)],
    ['first step, ms', n(first.ours.ms, 0), n(first.jax.ms, 0), n(first.tfjs.ms, 0), ''],
    ['dispatch, µs (of it JavaScript)', `${n(dispatch.whole, 1)} (${n(dispatch.encode, 1)})`, '', '', ''],
  ];
  const verdicts = bars.map(({ name, value, bar, held, unit }) =>
    row([name, `${n(value)} ${unit}`, `${n(bar)} ${unit}`, held ? 'held' : 'not held']),
  );
  const head = [row(['bar', 'measured', 'wanted', '']), row(['---', '---:', '---:', '---'])];
  return [...rows.map(row), '', ...head, ...verdicts].join('\n');
}
