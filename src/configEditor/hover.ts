import * as vscode from 'vscode';
import { hoverAt } from '../common/config/hover';
import type { ConfigAnalysis } from './analysis';
import { toRange } from './ranges';
import { configSelector, isJson } from './selector';

export function registerHover(analysis: ConfigAnalysis): vscode.Disposable {
  return vscode.languages.registerHoverProvider(configSelector, {
    provideHover: (document, position) => {
      if (isJson(document)) return undefined;
      const hover = hoverAt(analysis.parsed(document), document.offsetAt(position));
      return hover && new vscode.Hover(new vscode.MarkdownString(hover.markdown), toRange(document, hover.range));
    },
  });
}
