import assert from 'node:assert/strict';
import { problem } from '../../../src/common/errors';
import type { Frame } from '../../../src/common/protocol';
import { parseEngineNotification } from '../../../src/engineView/notifications';
import { createRelay, workerProblem, type RelayWires } from '../../../webview/enginePage/relay';
import { settle } from './scriptedEngine';

function relayWith(fetchFile: RelayWires['fetchFile']) {
  const toHost: Frame[] = [];
  const toWorker: Frame[] = [];
  const relay = createRelay({
    toHost: frame => toHost.push(frame),
    toWorker: frame => toWorker.push(frame),
    fetchFile,
  });
  return { relay, toHost, toWorker };
}

const start = (weights: unknown[], method = 'start'): Frame => ({
  kind: 'request',
  id: 1,
  method,
  params: { job: { runId: 'r', model: { label: 'm', weights } } },
});

describe('engine page', () => {
  it('passes the weights to the worker as blobs, and keeps those that are bytes already', async () => {
    const blob = new Blob([new Uint8Array(4)]);
    const { relay, toWorker } = relayWith(() => Promise.resolve(blob));
    const bytes = new Uint8Array([1]);
    relay.fromHost(
      start([
        { name: 'a', uri: 'vscode://a' },
        { name: 'b', bytes },
      ]),
    );
    await settle();
    const [frame] = toWorker;
    assert.ok(frame.kind === 'request');
    assert.deepEqual(frame.params, {
      job: {
        runId: 'r',
        model: {
          label: 'm',
          weights: [
            { name: 'a', blob },
            { name: 'b', bytes },
          ],
        },
      },
    });
  });

  it('does so for a model to generate with, too', async () => {
    const { relay, toWorker } = relayWith(() => Promise.resolve(new Blob()));
    relay.fromHost(start([{ name: 'a', uri: 'vscode://a' }], 'openModel'));
    await settle();
    const [frame] = toWorker;
    assert.ok(frame.kind === 'request');
    const { job } = frame.params as { job: { model: { weights: object[] } } };
    assert.ok('blob' in job.model.weights[0]);
  });

  it('keeps the order of frames while weights are being fetched', async () => {
    let arrive: (blob: Blob) => void = () => undefined;
    const { relay, toWorker } = relayWith(() => new Promise(resolve => (arrive = resolve)));
    relay.fromHost(start([{ name: 'a', uri: 'a' }]));
    relay.fromHost({ kind: 'request', id: 2, method: 'command', params: {} });
    await settle();
    assert.equal(toWorker.length, 0);
    arrive(new Blob());
    await settle();
    assert.deepEqual(
      toWorker.map(frame => (frame.kind === 'request' ? frame.method : '')),
      ['start', 'command'],
    );
  });

  it('answers a start whose weights cannot be fetched, and goes on', async () => {
    const { relay, toHost, toWorker } = relayWith(() => Promise.reject(problem('model.unreachable', 'Gone.', 'Look.')));
    relay.fromHost(start([{ name: 'a', uri: 'a' }]));
    relay.fromHost({ kind: 'request', id: 2, method: 'probe', params: {} });
    await settle();
    const refusal = { code: 'model.unreachable', message: 'Gone.', hint: 'Look.' };
    assert.deepEqual(toHost, [{ kind: 'response', id: 1, ok: false, problem: refusal }]);
    assert.equal(toWorker.length, 1);
  });

  it('cuts files free of the large buffer they are a view of', () => {
    const { relay, toHost } = relayWith(() => Promise.reject(new Error('unused')));
    const large = new Uint8Array([0, 1, 2, 3]);
    const outputs = [{ kind: 'checkpoint', step: 1, files: { a: large.subarray(1, 3), b: large } }];
    relay.fromWorker({ kind: 'notification', body: { type: 'outputs', runId: 'r', outputs } });
    const [frame] = toHost;
    assert.ok(frame.kind === 'notification');
    const { files } = (frame.body as { outputs: [{ files: Record<string, Uint8Array> }] }).outputs[0];
    assert.deepEqual([files.a, files.a.buffer.byteLength, files.b === large], [new Uint8Array([1, 2]), 2, true]);
  });

  it('passes nothing on that is not a frame', () => {
    const { relay, toHost } = relayWith(() => Promise.reject(new Error('unused')));
    for (const raw of [null, 'x', { kind: 'other' }]) relay.fromWorker(raw);
    assert.deepEqual(toHost, []);
  });

  it('says why the worker stopped', () => {
    assert.equal(workerProblem('out of memory').message, "The engine's worker stopped: out of memory");
  });
});

describe('notifications of the engine', () => {
  const files = { a: new Uint8Array(1) };
  const good: unknown[] = [
    { type: 'ready', version: 1 },
    { type: 'pong' },
    { type: 'pressed', command: 'stop' },
    { type: 'paused', runId: 'r' },
    { type: 'ended', runId: 'r' },
    { type: 'ended', runId: 'r', problem: { code: 'a', message: 'b', hint: 'c' } },
    { type: 'outputs', runId: 'r', outputs: [{ kind: 'event', event: { type: 'metrics' } }] },
    {
      type: 'outputs',
      runId: 'r',
      outputs: [
        { kind: 'checkpoint', step: 1, files },
        { kind: 'result', files, stopped: true },
      ],
    },
  ];
  const bad: unknown[] = [
    undefined,
    'ready',
    {},
    { type: 'ready' },
    { type: 'pressed', command: 'format' },
    { type: 'ended', runId: 1 },
    { type: 'ended', runId: 'r', problem: 'x' },
    { type: 'outputs', runId: 'r', outputs: {} },
    { type: 'outputs', runId: 'r', outputs: [null] },
    { type: 'outputs', runId: 'r', outputs: [{ kind: 'event' }] },
    { type: 'outputs', runId: 'r', outputs: [{ kind: 'checkpoint', step: 1, files: { a: [1] } }] },
    { type: 'outputs', runId: 'r', outputs: [{ kind: 'result', files }] },
    { type: 'somethingElse', runId: 'r' },
  ];
  it('pass when they are what they say', () => {
    assert.deepEqual(good.map(parseEngineNotification), good);
  });

  it('are dropped otherwise', () => {
    assert.deepEqual(
      bad.map(parseEngineNotification),
      bad.map(() => undefined),
    );
  });
});
