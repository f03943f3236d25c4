/**
 * What the project's commands need from the machine, installed when it is missing: npm packages, a Chromium with WebGPU,
 * Vulkan drivers for the engine tests. Each step says what it installs and does nothing when there is nothing to do.
 * System packages are only installed by root on Debian; elsewhere a message names what to install.
 */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { answer, must, root, run } from './process.mjs';

const chromeNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'];
const chromePlaces = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
const aptEnvironment = { DEBIAN_FRONTEND: 'noninteractive' };

/** npm packages of the repository, exactly as locked; no package runs a script. */
export async function ensurePackages() {
  const installed = join(root, 'node_modules/.package-lock.json');
  const fresh =
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
  const complete = ['esbuild', 'mocha', 'wabt'].every(name => existsSync(join(root, 'node_modules', name)));
  if (fresh && complete) return;
  if (complete && !process.env.CI) return;
  console.log('setup: installing npm packages (npm ci --ignore-scripts)');
  await must('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { quiet: true });
}

/** Path of a Chrome or Chromium: `$CHROME`, else an installed one; undefined when there is none. */
export function findChrome() {
  if (process.env.CHROME) return process.env.CHROME;
  const inPath = chromeNames.map(name => answer('sh', ['-c', `command -v ${name}`])).find(Boolean);
  return inPath ?? chromePlaces.find(existsSync);
}

/**
 * Path of a Chrome or Chromium, installing Debian's chromium when there is none.
 * @returns {Promise<string>}
 */
export async function ensureChrome() {
  const found = findChrome();
  if (found) return found;
  if (!mayInstall()) throw new Error('No Chrome or Chromium found. Install one, or set CHROME to its program.');
  console.log('setup: installing chromium and a font from Debian');
  await must('apt-get', ['update', '-qq'], { env: aptEnvironment, quiet: true });
  await apt(['chromium', 'fonts-dejavu-core']);
  return ensureChromeInstalled();
}

function ensureChromeInstalled() {
  const found = findChrome();
  if (!found) throw new Error('apt-get installed chromium, but no chromium program is in the path.');
  return found;
}

/**
 * Vulkan drivers that run on any CPU, by name: SwiftShader comes with Chromium, lavapipe with Mesa.
 * @returns {Promise<{ name: string, icd: string }[]>}
 */
export async function ensureSoftwareDrivers() {
  const chrome = await ensureChrome();
  await ensureVulkanLoader();
  const swiftshader = swiftshaderDriver(chrome);
  const lavapipe = lavapipeDriver() ?? (await installLavapipe());
  const drivers = [];
  if (swiftshader) drivers.push({ name: 'swiftshader', icd: swiftshader });
  if (lavapipe) drivers.push({ name: 'lavapipe', icd: lavapipe });
  return drivers;
}

/**
 * SwiftShader's driver file beside a Chromium, or undefined.
 * @param {string} [chrome]
 */
export function swiftshaderDriver(chrome) {
  const programs = [chrome, '/usr/lib/chromium/chromium', '/opt/google/chrome/chrome'].filter(Boolean);
  const real = programs.map(program => answer('readlink', ['-f', program]) ?? program);
  const files = real.map(program => join(dirname(program), 'vk_swiftshader_icd.json'));
  return [...files, '/usr/lib/chromium/vk_swiftshader_icd.json'].find(existsSync);
}

/** Lavapipe's driver file when Mesa is new enough for Dawn (24 or later), or undefined. */
export function lavapipeDriver() {
  const folder = '/usr/share/vulkan/icd.d';
  if (!existsSync(folder)) return undefined;
  const file = readdirSync(folder).find(name => name.startsWith('lvp_icd'));
  const version = answer('dpkg-query', ['-W', '-f', '${Version}', 'mesa-vulkan-drivers']);
  const recent = version === undefined || Number.parseInt(version, 10) >= 24;
  return file && recent ? join(folder, file) : undefined;
}

/** Environment that points Vulkan at a software driver, where no hardware driver can be expected. */
export async function softwareDriver() {
  const chosen = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
  if (chosen || process.platform !== 'linux' || existsSync('/dev/dri') || existsSync('/dev/nvidiactl')) return {};
  const icd = lavapipeDriver() ?? swiftshaderDriver() ?? (await ensureSoftwareDrivers())[0]?.icd;
  return icd ? { VK_DRIVER_FILES: icd, VK_ICD_FILENAMES: icd } : {};
}

async function ensureVulkanLoader() {
  const libraries = answer('sh', ['-c', '/sbin/ldconfig -p']) ?? '';
  if (process.platform !== 'linux' || libraries.includes('libvulkan.so.1') || !mayInstall()) return;
  console.log('setup: installing libvulkan1 from Debian');
  await must('apt-get', ['update', '-qq'], { env: aptEnvironment, quiet: true });
  await apt(['libvulkan1']);
}

/** Mesa's lavapipe from bookworm-backports; optional, so a failure is only reported. */
async function installLavapipe() {
  if (!mayInstall()) return undefined;
  const added = addBackports();
  console.log('setup: installing mesa-vulkan-drivers (lavapipe) from bookworm-backports');
  const update = await run('apt-get', ['update', '-qq'], { env: aptEnvironment, quiet: true, minutes: 3 });
  const names = ['-t', 'bookworm-backports', 'mesa-vulkan-drivers'];
  const install =
    update.code === 0 ? await run('apt-get', aptArguments(names), { env: aptEnvironment, quiet: true }) : update;
  if (install.code === 0) return lavapipeDriver();
  if (added) rmSync(added, { force: true });
  console.log('setup: lavapipe cannot be installed here; the engine tests run on SwiftShader only');
  return undefined;
}

/** Adds the backports suite of Debian 12 in a file of its own; returns the file if it was added. */
function addBackports() {
  const file = '/etc/apt/sources.list.d/bookworm-backports.sources';
  const isBookworm = readFileSync('/etc/os-release', 'utf8').includes('VERSION_CODENAME=bookworm');
  if (!isBookworm || existsSync(file)) return undefined;
  const main = '/etc/apt/sources.list.d/debian.sources';
  const mirror = existsSync(main) ? /^URIs:\s*(\S+)/m.exec(readFileSync(main, 'utf8'))?.[1] : undefined;
  const key = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const lines = ['Types: deb', `URIs: ${mirror ?? 'http://deb.debian.org/debian'}`, 'Suites: bookworm-backports'];
  writeFileSync(file, [...lines, 'Components: main', `Signed-By: ${key}`, ''].join('\n'));
  console.log(`setup: added ${file}`);
  return file;
}

function aptArguments(names) {
  return ['install', '-y', '-qq', '--no-install-recommends', ...names];
}

async function apt(names) {
  await must('apt-get', aptArguments(names), { env: aptEnvironment, quiet: true });
}

function mayInstall() {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && answer('sh', ['-c', 'command -v apt-get']);
}
