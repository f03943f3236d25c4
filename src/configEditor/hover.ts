import * as vscode from 'vscode';
import { hoverAt } from '../common/config/hover';
import { memoryTable } from '../common/config/memoryTable';
import type { ConfigAnalysis } from './analysis';
import { toRange } from './ranges';
import { configSelector, isJson } from './selector';

export function registerHover(analysis: ConfigAnalysis): vscode.Disposable {
  return vscode.languages.registerHoverProvider(configSelector, {
    provideHover: (document, position) => {
      if (isJson(document)) return undefined;
      const parsed = analysis.parsed(document);
      const hover = hoverAt(parsed, document.offsetAt(position));
      if (hover === undefined) return undefined;
      const table = hover.path[0] === 'memory' ? memoryTable(parsed, analysis.facts(document)) : undefined;
      // First, because the box is low and the help of a key is long.
      const texts = [...(table === undefined ? [] : [table]), hover.markdown];
      return new vscode.Hover(
        texts.map(text => new vscode.MarkdownString(text)),
        toRange(document, hover.range),
      );
    },
  });
}
