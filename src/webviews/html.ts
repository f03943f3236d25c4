import * as vscode from 'vscode';

export interface PageParts {
  readonly extensionUri: vscode.Uri;
  /** Base name of the script and the style sheet in `dist`. */
  readonly name: 'dashboard' | 'comparison' | 'estimate' | 'enginePage';
  readonly title: string;
  /**
   * Whether the page, and a worker that it starts from a blob and that so inherits its policy, may compile WebAssembly.
   * That allows no script: code in strings stays forbidden.
   */
  readonly compilesWasm?: boolean;
  /** Sources beyond the script's nonce and the extension's own styles and font, e.g. `worker-src blob:`. */
  readonly extraPolicy?: string;
  /** `data-…` attributes of the body, for what the page must know before its first message. */
  readonly data?: Readonly<Record<string, string>>;
}

/** Shell of a webview page. Nothing is allowed but one script, the style sheets and the icon font of the extension. */
export function pageHtml(webview: vscode.Webview, parts: PageParts): string {
  const nonce = makeNonce();
  const uri = (...path: string[]) => webview.asWebviewUri(vscode.Uri.joinPath(parts.extensionUri, ...path)).toString();
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'${parts.compilesWasm ? " 'wasm-unsafe-eval'" : ''}`,
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
    ...(parts.extraPolicy ? [parts.extraPolicy] : []),
  ].join('; ');
  const data = Object.entries(parts.data ?? {}).map(([name, value]) => ` data-${name}="${escapeHtml(value)}"`);
  return `<!DOCTYPE html>
<html lang="${escapeHtml(vscode.env.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(parts.title)}</title>
<link rel="stylesheet" href="${escapeHtml(uri('dist', 'codicon.css'))}">
<link rel="stylesheet" href="${escapeHtml(uri('dist', `${parts.name}.css`))}">
</head>
<body${data.join('')}>
<div id="root"></div>
<script nonce="${nonce}" src="${escapeHtml(uri('dist', `${parts.name}.js`))}"></script>
</body>
</html>`;
}

function makeNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}
