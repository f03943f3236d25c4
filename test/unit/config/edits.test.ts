import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parse, parseDocument, stringify } from 'yaml';
import { applyEdits, textEdits, type EditOp } from '../../../src/common/config/edits';
import { difference } from '../../../src/common/config/fix';
import { numberText } from '../../../src/common/config/numberText';

function edit(text: string, ...ops: EditOp[]): string {
  const document = parseDocument(text, { stringKeys: true });
  return applyEdits(text, textEdits(document, text, ops));
}

const set = (path: string, value: unknown): EditOp => ({ op: 'set', path: path.split('.'), value });
const remove = (path: string): EditOp => ({ op: 'remove', path: path.split('.') });
const rename = (path: string, key: string): EditOp => ({ op: 'rename', path: path.split('.'), key });

const cases: readonly (readonly [title: string, before: string, op: EditOp, after: string])[] = [
  ['replaces a value before a comment', 'a: 1 # one\nb: 2\n', set('a', 5), 'a: 5 # one\nb: 2\n'],
  ['fills an empty value', 'a:\nb: 2\n', set('a', 'x'), 'a: x\nb: 2\n'],
  ['replaces a block list', 'a: # why\n  - x\n  - y\nb: 2\n', set('a', 'all'), 'a: all # why\nb: 2\n'],
  ['replaces a block text', 'a: |\n  x\n  y\nb: 2\n', set('a', 1), 'a: 1\nb: 2\n'],
  [
    'replaces a list entry',
    'a:\n  - x # first\n  - y\n',
    { op: 'set', path: ['a', 0], value: 'z' },
    'a:\n  - z # first\n  - y\n',
  ],
  ['adds a key after a comment', 'a:\n  b: 1 # one\nc: 2\n', set('a.d', 3), 'a:\n  b: 1 # one\n  d: 3\nc: 2\n'],
  [
    'adds a key after a nested block',
    'a:\n  b:\n    - 1\n\nc: 2\n',
    set('a.d', 3),
    'a:\n  b:\n    - 1\n  d: 3\n\nc: 2\n',
  ],
  ['adds a missing section', 'a: 1', set('m.q', 'f16'), 'a: 1\nm:\n  q: f16'],
  ['fills an empty section', 'm:\na: 1\n', set('m.q', 1), 'm:\n  q: 1\na: 1\n'],
  ['starts an empty file', '', set('m.q', 1), 'm:\n  q: 1\n'],
  ['adds to a flow map', 'a: {b: 1}\n', set('a.c', [1, 'x']), 'a: {b: 1, c: [1, x]}\n'],
  ['adds to an empty flow map', 'a: {} # none\n', set('a.c', 1), 'a:\n  c: 1 # none\n'],
  ['adds to JSON on lines', '{\n  "a": 1\n}', set('b.c', 'x'), '{\n  "a": 1,\n  "b": {"c":"x"}\n}'],
  ['removes a line with its comment', 'a: 1\nb: 2 # two\nc: 3\n', remove('b'), 'a: 1\nc: 3\n'],
  ['removes a whole section', 'a: 1\nb:\n  c: 2\n  d:\n    - 1\ne: 3\n', remove('b'), 'a: 1\ne: 3\n'],
  ['removes the first of a flow map', 'a: {b: 1, c: 2}\n', remove('a.b'), 'a: {c: 2}\n'],
  ['removes the last of a flow map', 'a: {b: 1, c: 2}\n', remove('a.c'), 'a: {b: 1}\n'],
  ['removes the last line', 'a: 1\nb: 2', remove('b'), 'a: 1\n'],
  ['renames', 'a:\n  bb: 1 # one\n', rename('a.bb', 'c'), 'a:\n  c: 1 # one\n'],
  ['renames in JSON', '{"a":1}', rename('a', 'b'), '{"b":1}'],
  ['keeps CRLF', 'a: 1\r\nb: 2\r\n', set('c', 3), 'a: 1\r\nb: 2\r\nc: 3\r\n'],
  ['quotes what needs it', 'a: 1\n', set('a', '- x: #'), 'a: "- x: #"\n'],
  ['writes small rates with a point', 'a: 1\n', set('a', 0.0002), 'a: 2.0e-4\n'],
  ['keeps a no-break space', 'a: 1\n', set('a', '\u00a0'), 'a: \u00a0\n'],
  ['ignores what is not there', 'a: 1\n', remove('b.c'), 'a: 1\n'],
];

type Tree = Record<string, Record<string, unknown>>;

/** What an operation means for plain values. */
function applied(value: Tree, op: EditOp): Tree {
  const next = structuredClone(value);
  const [section, key] = op.path.map(String);
  if (op.op === 'set') next[section] = { ...next[section], [key]: op.value };
  else if (op.op === 'remove' && Object.hasOwn(next, section)) delete next[section][key];
  else if (op.op === 'rename' && Object.hasOwn(next[section] ?? {}, key)) {
    next[section] = Object.fromEntries(
      Object.entries(next[section]).map(([name, item]) => [name === key ? op.key : name, item]),
    );
  }
  return next;
}

describe('text edits', () => {
  for (const [title, before, op, after] of cases) it(title, () => assert.equal(edit(before, op), after));

  it('mean what they say in every style', () => {
    const name = fc.constantFrom('alpha', 'beta', 'gamma', 'delta');
    const leaf = fc.oneof(
      fc.integer(),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.boolean(),
      fc.array(fc.string({ maxLength: 5 }), { minLength: 1, maxLength: 3 }),
    );
    const tree = fc.dictionary(name, fc.dictionary(name, leaf, { minKeys: 1, maxKeys: 4 }), { minKeys: 1, maxKeys: 4 });
    const op: fc.Arbitrary<EditOp> = fc.oneof(
      fc.record({ op: fc.constant('set' as const), path: fc.tuple(name, name), value: leaf }),
      fc.record({ op: fc.constant('remove' as const), path: fc.tuple(name, name) }),
      fc.record({ op: fc.constant('rename' as const), path: fc.tuple(name, name), key: fc.constant('omega') }),
    );
    const styles: readonly ((value: Tree) => string)[] = [
      value => stringify(value),
      value => stringify(value, { collectionStyle: 'flow' }),
      value => `# top\n${stringify(value, { indent: 4 })}# end\n`,
      value => JSON.stringify(value),
      value => JSON.stringify(value, null, '\t'),
      value => stringify(value).replaceAll('\n', '\r\n'),
    ];
    fc.assert(
      fc.property(tree, op, fc.constantFrom(...styles), (value, change, style) => {
        const written = style(value);
        const result: unknown = parse(edit(written, change));
        const expected = applied(parse(written) as Tree, change);
        const withoutEmpty = (all: unknown) =>
          Object.entries(all as Tree).filter(([, item]) => Object.keys(item ?? {}).length > 0);
        assert.deepEqual(withoutEmpty(result), withoutEmpty(expected));
      }),
      { numRuns: 300 },
    );
  }).timeout(20_000);

  it('are one span when several are combined', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (before, after) => {
        const edits = difference(before, after);
        assert.equal(applyEdits(before, edits), after);
        assert.ok(edits.length <= 1);
      }),
    );
  });

  it('write numbers that read back', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        value => Number(numberText(value)) === value || value === 0,
      ),
    );
    assert.deepEqual([5e-5, 1.5e-4, 0.001, 12, -2e-7].map(numberText), ['5.0e-5', '1.5e-4', '0.001', '12', '-2.0e-7']);
  });
});
