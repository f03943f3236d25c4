/*
 * The page of the Engine view: starts the worker that owns the GPU, carries frames between it and the host, and shows
 * what the host says about the run. It decides nothing.
 */
import '../../media/dataColours.css';
import '../../media/enginePage.css';
import { problem } from '../../src/common/errors';
import type { EngineLabels, EnginePageMessage, EnginePageNotification, Frame } from '../../src/common/protocol';
import { parseFrame } from '../../src/common/rpc';
import { drawStatus } from './panel';
import { createRelay, workerProblem, type Relay } from './relay';

declare function acquireVsCodeApi(): { postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void };

/** A worker that dies this often without ever saying anything is not started again. */
const maxStarts = 5;

const api = acquireVsCodeApi();
const labels = JSON.parse(document.body.dataset.labels ?? '{}') as EngineLabels;
const root = document.getElementById('root') ?? document.body;
let worker: Worker | undefined;
let relay: Relay | undefined;
let starts = 0;

function say(body: EnginePageNotification): void {
  api.postMessage({ kind: 'notification', body } satisfies Frame);
}

async function startWorker(): Promise<void> {
  starts++;
  const script = await fetchFile(document.body.dataset.worker ?? '');
  const address = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const started = new Worker(address);
  worker = started;
  relay = createRelay({
    toHost: frame => api.postMessage(frame),
    toWorker: frame => started.postMessage(frame),
    fetchFile,
  });
  const passOn = relay;
  started.addEventListener('message', (message: MessageEvent<unknown>) => {
    starts = 0;
    passOn.fromWorker(message.data);
  });
  started.addEventListener('error', event => replaceWorker(started, event.message));
  started.addEventListener('messageerror', () => replaceWorker(started, 'a message could not be read'));
}

function replaceWorker(failed: Worker, message: string | undefined): void {
  if (worker !== failed) return;
  failed.terminate();
  worker = undefined;
  say({ type: 'workerFailed', problem: workerProblem(message) });
  if (starts < maxStarts) launch();
}

function launch(): void {
  startWorker().catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    say({ type: 'workerFailed', problem: workerProblem(message) });
  });
}

async function fetchFile(uri: string): Promise<Blob> {
  const response = await fetch(uri).catch((error: unknown) => {
    throw unreachable(uri, String(error));
  });
  if (!response.ok) throw unreachable(uri, `${response.status} ${response.statusText}`);
  return response.blob();
}

function unreachable(uri: string, reason: string) {
  const name = decodeURIComponent(new URL(uri, location.href).pathname.split('/').at(-1) ?? uri);
  return problem('model.unreachable', `${name} could not be loaded: ${reason}.`, 'Check that the file still exists.');
}

function hearHost(raw: unknown): void {
  const frame = parseFrame(raw);
  if (!frame) return;
  if (frame.kind !== 'notification') {
    relay?.fromHost(frame);
    return;
  }
  const body = frame.body as EnginePageMessage;
  if (body.type === 'ping') say({ type: 'pong' });
  else if (body.type === 'status') drawStatus(root, body.status, labels, command => say({ type: 'pressed', command }));
}

window.addEventListener('message', (message: MessageEvent<unknown>) => hearHost(message.data));
drawStatus(root, {}, labels, () => undefined);
launch();
