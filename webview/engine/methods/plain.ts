import { problem } from '../../../src/common/errors';
import { linear } from '../ops/linear';
import type { Method } from './method';

/** The base model as it is: nothing trains and nothing is added. */
export function plainMethod(): Method {
  return {
    type: 'plain',
    trainsBase: () => false,
    linear: (graph, module, x, base) => linear(graph, module.path, x, base),
    initialValue: spec => {
      throw problem('method.plain', `${spec.tensor.name} is no base tensor.`, 'This is a defect in a model module.');
    },
    exportFiles: () => ({}),
  };
}
