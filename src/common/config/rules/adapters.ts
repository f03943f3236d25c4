import type { BottleneckConfig } from '../schema';
import { numberText } from '../numberText';
import { atOrType, removal, setting, type LintContext, type Rule } from '../rule';

const sizePath = ['method', 'bottleneck_size'];
const factorPath = ['method', 'reduction_factor'];

function bottleneck({ config }: LintContext): BottleneckConfig | undefined {
  return config.method.type === 'bottleneck' ? config.method : undefined;
}

function isResidual({ placement }: BottleneckConfig): boolean {
  return placement === 'residual_series' || placement === 'residual_parallel';
}

const width: Rule = {
  id: 'X01',
  severity: 'warning',
  title: 'A bottleneck that is none, or too narrow to exist',
  why:
    'A bottleneck as wide as the model saves nothing; and the `adapters` library silently makes a width below 1 out of a ' +
    'reduction factor above the hidden size into 1.',
  advice: 'Use a sixteenth of the hidden size.',
  check: context => {
    const method = bottleneck(context);
    const d = context.facts.model?.hiddenSize;
    if (method === undefined || d === undefined || isResidual(method)) return [];
    const bySize = method.bottleneck_size !== undefined;
    const m = method.bottleneck_size ?? Math.floor(d / method.reduction_factor);
    const path = bySize ? sizePath : factorPath;
    const usual = Math.max(1, Math.floor(d / 16));
    const fixes = [bySize ? setting(path, usual) : setting(path, Math.min(16, d))];
    if (m < 1) {
      const message = `A reduction factor of ${method.reduction_factor} leaves nothing of a hidden size of ${d}.`;
      return [{ path, severity: 'error', message, fixes }];
    }
    if (m < d) return [];
    return [{ path, message: `A bottleneck of ${m} in a model of width ${d} is no bottleneck.`, fixes }];
  },
};

const farFromIdentity: Rule = {
  id: 'X02',
  severity: 'warning',
  title: 'The adapter does not start near the identity',
  why:
    'An adapter that changes the stream from the first step on has to unlearn that first. Houlsby et al. find a standard ' +
    'deviation of at most 0.01 safe and larger ones worse; `bert` starts at 0.02.',
  advice: 'Use init_weights houlsby, or mam_adapter, whose up-projection is zero.',
  check: context => {
    const method = bottleneck(context);
    if (method === undefined || isResidual(method) || method.adapter !== undefined || method.init_weights !== 'bert')
      return [];
    const path = ['method', 'init_weights'];
    const message = 'init_weights bert starts the up-projection with a standard deviation of 0.02.';
    return [
      { path, message, fixes: [setting(path, 'houlsby'), { ...setting(path, 'mam_adapter'), preferred: false }] },
    ];
  },
};

const oddRate: Rule = {
  id: 'L14',
  severity: 'warning',
  title: 'A learning rate unusual for bottleneck adapters',
  why:
    'Houlsby et al. swept 3e-5 to 3e-3, and adapter-bert uses 3e-4. Models narrower than 1000 bear more, so that only the lower ' +
    'bound counts there.',
  advice: 'Start at 3e-4.',
  check: context => {
    const path = ['training', 'learning_rate'];
    const { learning_rate: rate } = context.config.training;
    const width = context.facts.model?.hiddenSize ?? 0;
    if (bottleneck(context) === undefined || (rate >= 3e-5 && (rate <= 3e-3 || width < 1000))) return [];
    const message = `learning_rate ${numberText(rate)} is ${rate < 3e-5 ? 'below' : 'above'} what bottleneck adapters are trained with (3e-5 to 3e-3).`;
    return [{ path: atOrType(context, path), message, fixes: [setting(path, 3e-4)] }];
  },
};

const idleKeys: Rule = {
  id: 'X10',
  severity: 'warning',
  title: 'Keys without effect on residual adapters',
  why: 'Residual adapters are square matrices that start at zero: they have no bottleneck, non-linearity or start values.',
  advice: 'Remove the keys, or use placement houlsby or pfeiffer.',
  check: context => {
    const method = bottleneck(context);
    if (method === undefined || !isResidual(method)) return [];
    return ['non_linearity', 'reduction_factor', 'bottleneck_size', 'init_weights'].flatMap(key => {
      const path = ['method', key];
      if (context.parsed.locate(path) === undefined) return [];
      return [{ path, message: `${key} has no effect with placement ${method.placement}.`, fixes: [removal(path)] }];
    });
  },
};

export const adapterRules: readonly Rule[] = [width, farFromIdentity, oddRate, idleKeys];
