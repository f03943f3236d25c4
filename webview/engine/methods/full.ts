import { problem } from '../../../src/common/errors';
import { linear } from '../ops/linear';
import { writeFullModel } from '../formats/fullModel';
import type { ModelConfig } from '../model/config';
import type { Method } from './method';

export interface FullOptions {
  readonly model: ModelConfig;
  /** The model's own small files, passed on unchanged beside the new weights. */
  readonly passthrough: Readonly<Record<string, string>>;
}

/** Full fine-tuning: every base tensor trains, nothing is added; the result is an ordinary Hugging Face folder. */
export function fullMethod({ model, passthrough }: FullOptions): Method {
  return {
    type: 'full',
    trainsBase: () => true,
    linear: (graph, module, x, base) => linear(graph, module.path, x, base),
    initialValue: spec => {
      throw problem('method.full', `${spec.tensor.name} is no base tensor.`, 'This is a defect in a model module.');
    },
    exportFiles: values => writeFullModel({ model, values, passthrough }),
  };
}
