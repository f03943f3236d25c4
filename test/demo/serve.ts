import { launchBrowser } from '../tools/chrome.mjs';
import { exampleWorkspace, packagedExtension } from '../workbench/example';
import { startWorkbench } from '../workbench/server';

/** Serves the workbench with the example folder until the process is interrupted, in a window where there is a display. */
export async function serve(): Promise<void> {
  const workspace = exampleWorkspace();
  const port = process.env.PORT ? Number(process.env.PORT) : undefined;
  const workbench = await startWorkbench({ vsix: [packagedExtension()], port });
  const address = workbench.url(workspace);
  console.log(`The example folder is ${workspace}`);
  console.log(`Open ${address}`);
  console.log('in Chrome or Edge; on Linux start it with --enable-unsafe-webgpu --enable-features=Vulkan.');
  console.log('Ctrl+C ends it.');
  const interrupted = new Promise<void>(resolve => process.once('SIGINT', () => resolve()));
  const close = hasDisplay() ? await showWindow(address) : undefined;
  await interrupted;
  await close?.();
  await workbench.stop();
}

function hasDisplay(): boolean {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  return process.platform !== 'linux' || Boolean(DISPLAY) || Boolean(WAYLAND_DISPLAY);
}

/** Opens `address` in a browser of this machine and answers how to close it; the address is enough when that fails. */
async function showWindow(address: string): Promise<(() => Promise<void>) | undefined> {
  try {
    const browser = await launchBrowser(false);
    const context = await browser.newContext({ viewport: null });
    await (await context.newPage()).goto(address);
    return () => browser.close();
  } catch (error) {
    console.log(`No window could be opened: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
    return undefined;
  }
}
