import { packagedExtension, packagedWebTwin } from '../workbench/example';
import { shortFiles } from './configs';
import { mainPath } from './mainPath';
import { useStage } from './stage';

describe('the main job in a real workbench', () => {
  const stage = useStage({ vsix: [packagedExtension()] });

  it('runs a config from the palette, shows it, and exports an adapter', async () => {
    const { page, workspace } = await stage().open(shortFiles(16));
    await mainPath(page, workspace, 16);
  });
});

describe('the main job as a web extension', () => {
  const stage = useStage({ vsix: [packagedWebTwin] });

  it('does the same without node', async () => {
    const { page, workspace } = await stage().open(shortFiles(16));
    await mainPath(page, workspace, 16);
  });
});
