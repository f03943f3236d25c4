import type { FileFact } from '../facts';
import { removal, type Finding, type LintContext, type Rule } from '../rule';

function findings({ facts }: LintContext, state: FileFact['state']): Finding[] {
  return (facts.files ?? []).flatMap(file => {
    if (file.state !== state || file.problem === undefined) return [];
    return [{ path: file.key.split('.'), message: `${file.problem.message} ${file.problem.hint}`.trim() }];
  });
}

const missing: Rule = {
  id: 'F01',
  severity: 'error',
  title: 'A file or folder that does not exist',
  why: 'Paths are relative to the config file.',
  advice: 'Check the spelling; paths are relative to this config.',
  check: context => findings(context, 'missing'),
};

const outside: Rule = {
  id: 'F02',
  severity: 'warning',
  title: 'A path outside the workspace',
  why: 'A run that reads from elsewhere cannot be repeated from this folder, and not at all in a virtual workspace.',
  advice: 'Move the file into the workspace and use a relative path.',
  check: context => findings(context, 'outside'),
};

const unusable: Rule = {
  id: 'F03',
  severity: 'error',
  title: 'A file that cannot be used',
  why: 'The file exists, but it is not what the key needs: malformed rows, an unknown architecture, an adapter of another kind.',
  advice: 'Repair the file at the place named.',
  check: context => findings(context, 'unusable'),
};

const sameFile: Rule = {
  id: 'F04',
  severity: 'error',
  title: 'Training and evaluation rows from one file',
  why: 'The eval loss would be a training loss: it falls even while the model only learns by heart.',
  advice: 'Split the rows into two files.',
  check: ({ config }) => {
    const plain = (path: string) => path.replaceAll('\\', '/').replace(/^(\.\/)+/, '');
    const path = ['data', 'eval'];
    if (config.data.eval === undefined || plain(config.data.eval) !== plain(config.data.train)) return [];
    return [{ path, message: 'data.eval is the same file as data.train.', fixes: [removal(path)] }];
  },
};

export const pathRules: readonly Rule[] = [missing, outside, unusable, sameFile];
