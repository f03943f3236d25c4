/** WebAssembly text (`.wat`) in bundles: each module is compiled when a bundle is built, and imported as its bytes. */
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';

/** @type {import('esbuild').Plugin} */
export const wat = {
  name: 'wat',
  setup({ onLoad }) {
    onLoad({ filter: /\.wat$/ }, async ({ path }) => ({ contents: await compile(path), loader: 'binary' }));
  },
};

/**
 * Bytes of a module; an error names file, line and column.
 * @param {string} path
 */
async function compile(path) {
  // Most builds have no such module, and the compiler is large.
  const { default: start } = await import('wabt');
  const { parseWat } = await start();
  const module = parseWat(relative('.', path), await readFile(path, 'utf8'), { simd: true });
  try {
    module.validate();
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}
