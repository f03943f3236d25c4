import { isWritten, setting, type Rule } from '../rule';

const noSeed: Rule = {
  id: 'E01',
  severity: 'info',
  title: 'No seed is written',
  why:
    'Data order, adapter initialisation and dropout come from the seed. The default is always 42, so a run can be ' +
    'repeated; a seed that is written down shows that one was chosen.',
  advice: 'Write training.seed.',
  check: context => {
    const path = ['training', 'seed'];
    if (isWritten(context, path)) return [];
    return [{ path, message: 'No seed is written; 42 is used.', fixes: [setting(path, context.config.training.seed)] }];
  },
};

export const reproducibilityRules: readonly Rule[] = [noSeed];
