/**
 * The walls between rooms, and the budgets of files and functions. Every rule is an error; nothing may be switched off
 * from inside a file.
 */
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const rooms = 'runs|models|explorer|configEditor|dashboard|engineView|webviews|commands|pytorch|headless';
const adapters = 'explorer|configEditor|dashboard|engineView|webviews|commands|headless';

/** A wall: what the files of one room may not import, as regular expressions over the module name. */
function wall(files, forbidden, ignores = []) {
  const patterns = forbidden.map(([regex, message, allowTypeImports = false]) => ({
    regex,
    message,
    allowTypeImports,
  }));
  return {
    name: `wall ${files[0]}`,
    files,
    ignores,
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
  };
}

const node = ['^(node:|fs$|path$|os$|crypto$|child_process$|buffer$)', 'This room runs without node.'];
const vscode = ['^vscode$', 'This room runs without VS Code.'];
const tests = ['(^|/)test/', 'Nothing that ships imports tests.'];
const engineInside = [
  'webview/engine/(?!(forecast|inspect|merge)$)',
  'The host knows the engine by its doors only: webview/engine/forecast, inspect and merge.',
];
const pages = ['webview/(app|enginePage|worker)/', 'The host does not import page code.'];

const walls = [
  wall(
    ['src/common/**/*.ts'],
    [
      vscode,
      node,
      tests,
      ['webview/', 'src/common imports only itself.'],
      [`/(${rooms})/`, 'src/common imports only itself.'],
    ],
  ),
  wall(
    ['webview/engine/**/*.ts'],
    [
      vscode,
      node,
      tests,
      ['/(app|worker|enginePage)/', 'The engine imports only itself.'],
      ['/src/(?!common/)', 'The engine imports only itself.'],
      ['/src/common/(?!errors$|run/events$)', 'Only types of src/common, errors and events reach the engine.', true],
    ],
  ),
  wall(
    ['src/runs/**/*.ts', 'src/models/**/*.ts'],
    [
      node,
      tests,
      pages,
      ['webview/', 'This room imports src/common only.'],
      [`/(${adapters})/`, 'This room imports src/common only.'],
    ],
  ),
  wall(
    [
      `src/{explorer,configEditor,dashboard,comparison,estimate,engineView,webviews,commands}/**/*.ts`,
      'src/extension.ts',
      'src/*.ts',
    ],
    [node, tests, pages, engineInside, ['/headless/', 'The extension does not import the command line.']],
  ),
  wall(
    ['src/headless/**/*.ts'],
    [
      vscode,
      tests,
      pages,
      [`/(explorer|configEditor|dashboard|engineView|webviews|commands)/`, 'The command line imports no view.'],
    ],
  ),
  wall(
    ['webview/worker/**/*.ts'],
    [vscode, node, tests, ['/app/', 'The worker knows no page.'], ['/src/(?!common/)', 'Only src/common.']],
  ),
  wall(
    ['webview/{app,enginePage}/**/*.ts'],
    [
      vscode,
      node,
      tests,
      ['/engine/', 'Pages do not call the engine.', true],
      ['/src/(?!common/)', 'Pages know src/common only.'],
      ['^@vscode/webview-ui-toolkit', 'Only webview/app/toolkit.ts imports the toolkit.'],
    ],
    ['webview/app/toolkit.ts'],
  ),
];

/** What `src/common` and the engine may not know: a clock, a console, timers, chance, a document. */
const pure = {
  name: 'pure rooms',
  files: ['src/common/**/*.ts', 'webview/engine/**/*.ts'],
  rules: {
    'no-restricted-globals': [
      'error',
      'console',
      'setTimeout',
      'setInterval',
      'performance',
      'navigator',
      'document',
      'window',
      'self',
    ],
    'no-restricted-properties': [
      'error',
      { object: 'Date', property: 'now', message: 'The embedder owns the clock.' },
      { object: 'Math', property: 'random', message: 'Chance comes from a seed.' },
    ],
  },
};

const nodeGlobals = [
  'process',
  'console',
  'URL',
  'Buffer',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'fetch',
];
const pageGlobals = [
  'document',
  'window',
  'navigator',
  'performance',
  'Worker',
  'Blob',
  'location',
  'TextDecoder',
  'TextEncoder',
];

export default tseslint.config(
  {
    ignores: [
      'dist',
      'out',
      'demo-out',
      'bench-out',
      '.cache',
      '**/node_modules',
      '.venv',
      'test/**/vendor',
      'test/**/dist',
    ],
  },
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    name: 'budgets',
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: 'error',
      'no-control-regex': 'off',
      'no-restricted-syntax': ['error', { selector: 'ExportDefaultDeclaration', message: 'Export by name.' }],
      'max-lines': ['error', { max: 500 }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
    },
  },
  ...walls,
  pure,
  {
    name: 'tests',
    files: ['test/**/*.ts', 'test/**/*.mjs'],
    rules: { 'max-lines-per-function': 'off' },
  },
  {
    name: 'scripts',
    files: ['**/*.mjs', '**/*.js', '**/*.cjs'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      ...tseslint.configs.disableTypeChecked.languageOptions,
      globals: Object.fromEntries([...nodeGlobals, ...pageGlobals].map(name => [name, 'readonly'])),
    },
  },
  { name: 'configuration', files: ['eslint.config.mjs', '**/*.d.ts'], rules: { 'no-restricted-syntax': 'off' } },
);
