import type * as vscode from 'vscode';
import type { Port } from '../common/rpc';

/** The wire to a page. */
export function webviewPort(webview: vscode.Webview): Port {
  return {
    post: frame => webview.postMessage(frame),
    onFrame: listener => webview.onDidReceiveMessage(listener),
  };
}
