import { startWorkbench } from '../workbench/server';
import { exampleWorkspace, packagedExtension } from '../workbench/example';

/** Serves the workbench with the example folder until the process is interrupted. */
export async function serve(): Promise<void> {
  const workspace = exampleWorkspace();
  const port = process.env.PORT ? Number(process.env.PORT) : undefined;
  const workbench = await startWorkbench({ vsix: [packagedExtension()], port });
  console.log(`The example folder is ${workspace}`);
  console.log(`Open ${workbench.url(workspace)}`);
  console.log('in Chrome or Edge; on Linux start it with --enable-unsafe-webgpu --enable-features=Vulkan.');
  console.log('Ctrl+C ends it.');
  await new Promise<void>(resolve => process.once('SIGINT', () => resolve()));
  await workbench.stop();
}
