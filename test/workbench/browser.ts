import { chromium, type Browser } from 'playwright-core';
import { ensureChrome } from '../tools/setup.mjs';

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

/** Starts the Chrome or Chromium of this machine. */
export async function launchBrowser(headless = true): Promise<Browser> {
  return chromium.launch({ executablePath: await ensureChrome(), headless, args: flags });
}
