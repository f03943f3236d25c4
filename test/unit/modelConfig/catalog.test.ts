import assert from 'node:assert/strict';
import { moduleCatalog, tensorCatalog, totalParameters } from '../../../webview/engine/model/catalog';
import { parseModelConfig } from '../../../webview/engine/model/config';
import reference from '../../reference/models.json';

interface Model {
  readonly config: string;
  readonly parameters: number;
  readonly tensors: Readonly<Record<string, number[]>>;
  readonly modules: readonly string[];
}

describe('model catalogs agree with transformers', () => {
  for (const [name, model] of Object.entries(reference.models as unknown as Record<string, Model>)) {
    const config = parseModelConfig(model.config, 'config.json');

    it(`${name}: every weight with its shape`, () => {
      const ours = tensorCatalog(config).map(({ name: tensor, shape }): [string, readonly number[]] => [tensor, shape]);
      assert.deepEqual(Object.fromEntries(ours), model.tensors);
      assert.equal(ours.length, Object.keys(model.tensors).length);
      assert.equal(totalParameters(config), model.parameters);
    });

    it(`${name}: every linear module in order, with sizes that match its weight`, () => {
      const modules = moduleCatalog(config);
      assert.deepEqual(
        modules.map(module => module.path),
        model.modules,
      );
      for (const module of modules.filter(candidate => !candidate.isOutputHead || !config.tiedEmbeddings)) {
        const shape = model.tensors[`${module.path}.weight`];
        assert.deepEqual(module.layout === 'io' ? [module.in, module.out] : [module.out, module.in], shape);
        assert.equal(module.bias, Object.hasOwn(model.tensors, `${module.path}.bias`));
        const block = /\.(\d+)\./.exec(module.path);
        assert.equal(module.block, block ? Number(block[1]) : null);
      }
    });
  }
});
