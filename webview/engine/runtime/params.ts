import { problem } from '../../../src/common/errors';
import type { Dispatch } from '../graph/recorder';
import { alignment } from '../memory/layout';
import { maxParamWords } from './kernel';

/** Parameter words of each dispatch, one 256-byte slot per dispatch (dynamic uniform offsets need that alignment). */
export function encodeParams(dispatches: readonly Dispatch[]): Uint32Array<ArrayBuffer> {
  const stride = alignment / 4;
  const words = new Uint32Array(dispatches.length * stride);
  const floats = new Float32Array(words.buffer);
  dispatches.forEach((dispatch, index) => {
    if (dispatch.params.length > maxParamWords)
      throw problem('engine.params', `${dispatch.kernel.key} takes too many parameters.`, 'This is a defect in an op.');
    dispatch.params.forEach((param, word) => {
      if (typeof param === 'number') words[index * stride + word] = param;
      else floats[index * stride + word] = param.f32;
    });
  });
  return words;
}
