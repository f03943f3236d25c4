import assert from 'node:assert/strict';
import { packagedExtension, packagedWebTwin } from '../workbench/example';
import { shortFiles } from './configs';
import { mainPath, runToEnd } from './mainPath';
import { useStage } from './stage';

describe('the main job in a real workbench', () => {
  const stage = useStage({ vsix: [packagedExtension()] });

  it('runs a config from the palette, shows it, and exports an adapter', async () => {
    const { page, workspace } = await stage().open(shortFiles(16));
    await mainPath(page, workspace, 16);
  });

  it('trains with AdamW on the host, in a worker that may compile its kernel', async () => {
    const { page, workspace } = await stage().open(shortFiles(4, 'memory:\n  offload:\n    optimizer: cpu\n'));
    await runToEnd(page, workspace);
    const refusals = await Promise.all(page.workers().map(worker => worker.evaluate(refusalOfWasm)));
    assert.ok(refusals.length > 0);
    assert.deepEqual(
      refusals.filter(refusal => refusal !== ''),
      [],
    );
  });
});

describe('the main job as a web extension', () => {
  const stage = useStage({ vsix: [packagedWebTwin] });

  it('does the same without node', async () => {
    const { page, workspace } = await stage().open(shortFiles(16));
    await mainPath(page, workspace, 16);
  });
});

/** Runs in a worker: why its policy forbids to compile the smallest module, or nothing. */
function refusalOfWasm(): string {
  try {
    new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
    return '';
  } catch (error) {
    return String(error);
  }
}
