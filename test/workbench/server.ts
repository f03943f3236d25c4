import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endGroup, must } from '../tools/process.mjs';
import { serverEntry, serverNode } from './install.mjs';

export interface WorkbenchOptions {
  /** Packaged extensions to install before the start. */
  readonly vsix: readonly string[];
  readonly theme?: 'light' | 'dark';
  /** True opens folders in Restricted Mode until they are trusted; the default trusts everything. */
  readonly restricted?: boolean;
  /** Further user settings. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly port?: number;
}

/** A running VS Code server with a profile of its own, which goes away with it. */
export interface Workbench {
  readonly origin: string;
  /** Address of the workbench with `folder` open. */
  url(folder: string): string;
  /** Everything the server printed. */
  log(): string;
  stop(): Promise<void>;
}

const themes = { light: 'Light Modern', dark: 'Dark Modern' };

/** Starts code-server on a free port of this machine only, and resolves once it answers. */
export async function startWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const profile = mkdtempSync(join(tmpdir(), 'peft-workbench-profile-'));
  writeSettings(profile, options);
  const base = profileFlags(profile);
  for (const file of options.vsix) {
    await must(serverNode(), [serverEntry, ...base, '--install-extension', file], { quiet: true, minutes: 3 });
  }
  const port = options.port ?? (await freePort());
  const server = serve([...base, ...serverFlags(port, options.restricted ?? false)]);
  const origin = `http://127.0.0.1:${port}`;
  await waitUntilUp(origin, server.log);
  return {
    origin,
    url: folder => `${origin}/?folder=${encodeURIComponent(folder)}`,
    log: server.log,
    stop: async () => {
      await server.stop();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function writeSettings(profile: string, options: WorkbenchOptions): void {
  const settings = {
    'telemetry.telemetryLevel': 'off',
    'workbench.startupEditor': 'none',
    'workbench.colorTheme': themes[options.theme ?? 'dark'],
    'workbench.preferredLightColorTheme': themes.light,
    'workbench.preferredDarkColorTheme': themes.dark,
    'workbench.tips.enabled': false,
    'workbench.secondarySideBar.defaultVisibility': 'hidden',
    'chat.disableAIFeatures': true,
    'security.workspace.trust.startupPrompt': 'never',
    'security.workspace.trust.banner': 'never',
    'extensions.ignoreRecommendations': true,
    'extensions.autoCheckUpdates': false,
    'extensions.autoUpdate': false,
    'window.restoreWindows': 'none',
    'files.autoSave': 'off',
    'remote.autoForwardPorts': false,
    ...options.settings,
  };
  mkdirSync(join(profile, 'User'), { recursive: true });
  writeFileSync(join(profile, 'User', 'settings.json'), JSON.stringify(settings, undefined, 2));
  writeFileSync(join(profile, 'config.yaml'), 'auth: none\n');
}

function profileFlags(profile: string): string[] {
  const extensions = join(profile, 'extensions');
  return ['--config', join(profile, 'config.yaml'), '--user-data-dir', profile, '--extensions-dir', extensions];
}

function serverFlags(port: number, restricted: boolean): string[] {
  const flags = ['--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--disable-telemetry', '--disable-update-check'];
  flags.push('--disable-getting-started-override', '--ignore-last-opened', '--reconnection-grace-time', '5');
  return restricted ? flags : [...flags, '--disable-workspace-trust'];
}

function serve(args: string[]): { log: () => string; stop: () => Promise<void> } {
  if (!existsSync(serverEntry)) throw new Error('code-server is not installed: run npm run test:e2e or npm run demo.');
  const child = spawn(serverNode(), [serverEntry, ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let log = '';
  child.stdout.on('data', chunk => (log += String(chunk)));
  child.stderr.on('data', chunk => (log += String(chunk)));
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  const endWithUs = (): void => endGroup(child.pid);
  process.once('exit', endWithUs);
  return {
    log: () => log,
    stop: async () => {
      process.off('exit', endWithUs);
      endGroup(child.pid);
      await ended;
    },
  };
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const probe = createServer();
  const port = await new Promise<number>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
  await new Promise<void>(resolve => probe.close(() => resolve()));
  return port;
}

async function waitUntilUp(origin: string, log: () => string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const up = await fetch(`${origin}/healthz`).then(
      response => response.ok,
      () => false,
    );
    if (up) return;
    await new Promise(resolve => setTimeout(resolve, 200));
  }
  throw new Error(`code-server does not answer at ${origin}:\n${log()}`);
}
