/** The browser of tests, demo and bench. */
import { chromium } from 'playwright-core';
import { ensureChrome } from './setup.mjs';

/** Flags under which headless Chromium offers WebGPU (on SwiftShader where there is no GPU) and stays offline. */
const flags = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Starts the Chrome or Chromium of this machine. Ctrl+C ends a headless one with the process; a window is closed by
 * whoever opened it.
 * @param {boolean} [headless]
 * @returns {Promise<import('playwright-core').Browser>}
 */
export async function launchBrowser(headless = true) {
  return chromium.launch({ executablePath: await ensureChrome(), headless, args: flags, handleSIGINT: headless });
}
