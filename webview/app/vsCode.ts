import type { Port } from '../../src/common/rpc';

/** What VS Code gives a page. */
export interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** VS Code hands its API out once, so this is called once. */
export function connectVsCode(): { readonly api: VsCodeApi; readonly port: Port } {
  const api = acquireVsCodeApi();
  const port: Port = {
    post: frame => api.postMessage(frame),
    onFrame: listener => {
      const relay = (message: MessageEvent<unknown>): void => listener(message.data);
      window.addEventListener('message', relay);
      return { dispose: () => window.removeEventListener('message', relay) };
    },
  };
  return { api, port };
}
