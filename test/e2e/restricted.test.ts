import assert from 'node:assert/strict';
import { offersCommand, openFile, runCommand, waitForProblem, webviewFrame } from '../workbench/driver';
import { packagedExtension } from '../workbench/example';
import { readRuns } from '../workbench/runs';
import { shortConfig } from './configs';
import { useStage } from './stage';

describe('Restricted Mode', () => {
  const stage = useStage({ vsix: [packagedExtension()], restricted: true });

  it('checks configs and offers everything but training', async () => {
    const text = shortConfig(8).replace('lora_alpha', 'lora_alhpa');
    const { page, workspace } = await stage().open({ 'bad.peft.yaml': text });
    await openFile(page, 'bad.peft.yaml');
    await waitForProblem(page, /lora_alpha/);
    assert.equal(await offersCommand(page, 'PEFT: Run This Config'), false);
    assert.equal(await offersCommand(page, 'PEFT: Queue This Config'), false);
    await openFile(page, 'lora.peft.yaml');
    await runCommand(page, 'PEFT: Estimate Memory');
    await (await webviewFrame(page, '.estimate')).getByText('As it is').waitFor();
    await runCommand(page, 'PEFT: Show Output');
    assert.equal(readRuns(workspace).length, 0);
  });
});
