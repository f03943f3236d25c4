import { z } from 'zod';
import { count, countOrZero } from './numbers';

/** Bottleneck adapters with the names of the `adapters` library's `BnConfig`, and Rebuffi's residual adapters. */
export const bottleneckFields = {
  adapter: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'Folder of an existing adapter to go on training (`adapter_config.json` and `adapter.safetensors`, as the ' +
        '`adapters` library saves them), relative to this config. Its placement, sizes and non-linearity must match.',
      change: 'you continue earlier work instead of starting from a fresh adapter.',
      examples: ['adapters/first'],
    }),
  placement: z
    .enum(['houlsby', 'pfeiffer', 'residual_series', 'residual_parallel'])
    .default('houlsby')
    .meta({
      description:
        'Where adapters sit; h is the residual stream and f what attention or MLP adds to it. `houlsby` ' +
        '(`double_seq_bn`): after both, h + f + a(f). `pfeiffer` (`seq_bn`): after the MLP only, h + f + a(h + f). ' +
        '`residual_series` and `residual_parallel` (Rebuffi): a square matrix α without a non-linearity, f + αf, or αx ' +
        "beside the sublayer's last projection; both can be merged into the weights.",
      change:
        'half the parameters should do (`pfeiffer`), or inference must cost nothing extra (`residual_…`, merged).',
    }),
  non_linearity: z
    .enum(['gelu', 'relu', 'swish'])
    .optional()
    .meta({
      description:
        'Function between the two projections. Without it: `swish` for `houlsby` and `relu` for `pfeiffer`, as the ' +
        "`adapters` library has them; Houlsby's own code has GELU, the paper's figure leaves it open.",
      change: 'you reproduce a recipe that says so.',
      examples: ['gelu'],
    }),
  reduction_factor: z
    .number()
    .positive()
    .default(16)
    .meta({
      description:
        'Hidden size divided by the width of the bottleneck, which is rounded down and at least 1. Trainable parameters ' +
        'fall with it.',
      change: 'the task needs more capacity (2–8), or memory is tight and the task simple (32–64).',
      examples: [4, 16],
    }),
  bottleneck_size: count()
    .optional()
    .meta({
      description: 'Width of the bottleneck in numbers, instead of `reduction_factor`.',
      differs: 'The `adapters` library has only `reduction_factor`; exports write the factor that gives this width.',
      change: 'you think in widths, or compare models of different hidden sizes at one width.',
      examples: [16, 64],
    }),
  init_weights: z
    .enum(['bert', 'houlsby', 'mam_adapter'])
    .default('houlsby')
    .meta({
      description:
        'Start values; biases are zero. `bert`: normal with standard deviation 0.02. `houlsby`: normal with 0.01, cut at ' +
        '±0.02, so that the start is near the base model. `mam_adapter`: down uniform (Kaiming), up zero, so that step 0 ' +
        'is the base model exactly.',
      differs: 'The `adapters` library starts with `bert`, which is further from the base model.',
      change: 'step 0 must be the base model bit for bit (`mam_adapter`), or you reproduce an `adapters` run (`bert`).',
    }),
  leave_out: z
    .array(countOrZero())
    .default([])
    .meta({
      description: 'Block numbers, counted from 0, that get no adapter.',
      change: 'only the upper blocks should change: then no backward pass is needed below them.',
      examples: [[0, 1]],
    }),
  train_layer_norms: z
    .boolean()
    .default(false)
    .meta({
      description:
        'Also train every norm of the model, as Houlsby et al. do; they are saved in the adapter under the names the ' +
        'model has for them.',
      change: 'the adapter alone does not reach the loss you want; the cost is small.',
    }),
};
