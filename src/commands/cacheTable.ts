import * as vscode from 'vscode';
import type { CacheComparison } from '../common/protocol';

/** A page in Markdown: milliseconds for one more token against the length of the text, with and without the cache. */
export function cacheTable({ times, gpu, kvCacheBytes }: CacheComparison, label: string): string {
  const { t } = vscode.l10n;
  const cells = times.map(({ length, cachedMs, fullMs }) =>
    [length, cachedMs.toFixed(1), fullMs.toFixed(1), `${(fullMs / cachedMs).toFixed(1)} ×`].join(' | '),
  );
  const heads = [t('Tokens in the text'), t('With cache, ms per token'), t('Without, ms per token'), t('Gain')];
  return `# ${t('{0}, with and without the key-value cache', label)}

${t('Medians of several rounds on {0}. The cache takes {1} KiB.', gpu, (kvCacheBytes / 1024).toFixed(0))}

| ${heads.join(' | ')} |
| ---: | ---: | ---: | ---: |
${cells.map(row => `| ${row} |`).join('\n')}

${t(
  'With the cache, a new token computes its own keys and values only and looks up all earlier ones, so its time hardly depends on the length. Without it, the whole text is computed again for every token.',
)}
`;
}
