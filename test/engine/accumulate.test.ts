import { strict as assert } from 'node:assert';
import { add } from '../../webview/engine/ops/add';
import { differentiable, randomArray, relativeError, runOp } from './harness';

describe('shared gradients', () => {
  it('keeps both branches right when a value feeds two adds and itself', async () => {
    const a = randomArray(65, 1);
    const b = randomArray(65, 2);
    const up = randomArray(65, 3);
    const result = await runOp({
      build: graph => {
        const x = differentiable(graph, 'a', [65]);
        const y = differentiable(graph, 'b', [65]);
        const s = add(graph, 's', x, y);
        return [add(graph, 't', s, add(graph, 'u', x, s))];
      },
      data: { a, b },
      upstream: { t: up },
    });
    assert.ok(
      relativeError(
        result.values.t,
        a.map((v, i) => 3 * v + 2 * b[i]),
      ) < 1e-6,
    );
    assert.ok(
      relativeError(
        result.gradients.a,
        up.map(v => 3 * v),
      ) < 1e-6,
    );
    assert.ok(
      relativeError(
        result.gradients.b,
        up.map(v => 2 * v),
      ) < 1e-6,
    );
  });
});
