import assert from 'node:assert/strict';
import { problem, ProblemError } from '../../../src/common/errors';
import type { Frame } from '../../../src/common/protocol';
import { connect, parseFrame, type Port } from '../../../src/common/rpc';

interface Calculator {
  add: { params: { a: number; b: number }; result: number };
  fail: { params: Record<never, never>; result: never };
}
type Nothing = Record<never, never>;

/** Two ends of a wire that clones what it carries, as `postMessage` does. */
function wire(): { near: Port; far: Port; sent: Frame[] } {
  const sent: Frame[] = [];
  const listeners: [((raw: unknown) => void)[], ((raw: unknown) => void)[]] = [[], []];
  const end = (mine: 0 | 1): Port => ({
    post: frame => {
      const copy = structuredClone(frame);
      sent.push(copy);
      queueMicrotask(() => listeners[1 - mine].forEach(listener => listener(copy)));
    },
    onFrame: listener => {
      listeners[mine].push(listener);
      return { dispose: () => listeners[mine].splice(listeners[mine].indexOf(listener), 1) };
    },
  });
  return { near: end(0), far: end(1), sent };
}

function calculator(port: Port) {
  return connect<Calculator, Nothing>(port, {
    handlers: {
      add: ({ a, b }) => a + b,
      fail: () => {
        throw problem('calculator.broken', 'It broke.', 'Mend it.');
      },
    },
  });
}

async function rejection(promise: Promise<unknown>): Promise<ProblemError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof ProblemError, `expected a problem, got ${String(outcome)}`);
  return outcome;
}

describe('rpc', () => {
  it('answers requests that are in flight together, each with its own result', async () => {
    const { near, far } = wire();
    calculator(far);
    const client = connect<Nothing, Calculator>(near, { handlers: {} });
    const sums = await Promise.all([1, 2, 3].map(a => client.request('add', { a, b: 10 })));
    assert.deepEqual(sums, [11, 12, 13]);
  });

  it('serves both directions over one wire with independent ids', async () => {
    const { near, far } = wire();
    const options = { handlers: { add: ({ a, b }: { a: number; b: number }) => a + b, fail: () => assert.fail() } };
    const left = connect<Calculator, Calculator>(near, options);
    const right = connect<Calculator, Calculator>(far, options);
    const sums = await Promise.all([left.request('add', { a: 1, b: 1 }), right.request('add', { a: 2, b: 2 })]);
    assert.deepEqual(sums, [2, 4]);
  });

  it('turns a throwing handler into the same problem on the other side', async () => {
    const { near, far } = wire();
    calculator(far);
    const client = connect<Nothing, Calculator>(near, { handlers: {} });
    const { problem: found } = await rejection(client.request('fail', {}));
    assert.deepEqual(found, { code: 'calculator.broken', message: 'It broke.', hint: 'Mend it.' });
  });

  for (const method of ['subtract', 'constructor', '__proto__', 'toString']) {
    it(`answers the unknown method ${method} with a problem`, async () => {
      const { near, far } = wire();
      calculator(far);
      const client = connect<Nothing, Record<string, { params: unknown; result: unknown }>>(near, { handlers: {} });
      assert.equal((await rejection(client.request(method, {}))).problem.code, 'rpc.unknown');
    });
  }

  it('answers with a problem when the result cannot cross the wire', async () => {
    const { near, far } = wire();
    connect<{ get: { params: Nothing; result: unknown } }, Nothing>(far, { handlers: { get: () => () => 1 } });
    const client = connect<Nothing, { get: { params: Nothing; result: unknown } }>(near, { handlers: {} });
    assert.match((await rejection(client.request('get', {}))).message, /could not be cloned/);
  });

  it('rejects a request that cannot be sent and keeps working', async () => {
    const { near, far } = wire();
    calculator(far);
    const client = connect<Nothing, Calculator>(near, { handlers: {} });
    const unsendable = { a: 1, b: (() => 1) as unknown as number };
    assert.match((await rejection(client.request('add', unsendable))).message, /could not be cloned/);
    assert.equal(await client.request('add', { a: 1, b: 2 }), 3);
  });

  it('rejects a request that nobody received', async () => {
    const port: Port = { post: () => Promise.resolve(false), onFrame: () => ({ dispose: () => undefined }) };
    const client = connect<Nothing, Calculator>(port, { handlers: {} });
    assert.equal((await rejection(client.request('add', { a: 1, b: 2 }))).problem.code, 'rpc.undelivered');
  });

  it('rejects all pending and all later requests when it is closed', async () => {
    const { near } = wire();
    const client = connect<Nothing, Calculator>(near, { handlers: {} });
    const pending = [client.request('add', { a: 1, b: 2 }), client.request('fail', {})].map(rejection);
    const reason = { code: 'engine.lost', message: 'Gone.', hint: 'Open it.' };
    client.close(reason);
    client.close({ ...reason, code: 'second' });
    const codes = (await Promise.all([...pending, rejection(client.request('fail', {}))])).map(one => one.problem.code);
    assert.deepEqual(codes, ['engine.lost', 'engine.lost', 'engine.lost']);
  });

  it('answers nothing after it was closed', async () => {
    const { near, far, sent } = wire();
    const server = calculator(far);
    const client = connect<Nothing, Calculator>(near, { handlers: {} });
    void client.request('add', { a: 1, b: 2 }).catch(() => undefined);
    server.dispose();
    await new Promise(resolve => setTimeout(resolve, 5));
    assert.deepEqual(
      sent.map(frame => frame.kind),
      ['request'],
    );
  });

  it('delivers notifications in order and survives a listener that throws', async () => {
    const { near, far } = wire();
    const heard: unknown[] = [];
    const faults: string[] = [];
    connect<Nothing, Nothing>(far, {
      handlers: {},
      onNotification: body => {
        if (body === 'bad') throw new Error('no');
        heard.push(body);
      },
      onFault: fault => faults.push(fault.message),
    });
    const client = connect<Nothing, Nothing>(near, { handlers: {} });
    for (const body of [1, 'bad', 2]) client.notify(body);
    await new Promise(resolve => setTimeout(resolve, 5));
    assert.deepEqual({ heard, faults }, { heard: [1, 2], faults: ['no'] });
  });

  it('ignores answers to questions it did not ask', async () => {
    const { near, far } = wire();
    const client = connect<Nothing, Calculator>(near, { handlers: {} });
    void far.post({ kind: 'response', id: 99, ok: true, result: 1 });
    calculator(far);
    assert.equal(await client.request('add', { a: 2, b: 3 }), 5);
  });

  const strangers: unknown[] = [
    undefined,
    null,
    7,
    'text',
    [],
    {},
    { kind: 'request', id: 1 },
    { kind: 'request', id: '1', method: 'add' },
    { kind: 'request', id: 1.5, method: 'add' },
    { kind: 'response', id: 1 },
    { kind: 'response', id: NaN, ok: true },
    { kind: 'else', id: 1, ok: true },
  ];
  it('lets nothing through that is not a frame', () => {
    assert.deepEqual(
      strangers.map(raw => parseFrame(raw)),
      strangers.map(() => undefined),
    );
  });

  it('reports what is not a frame and goes on', async () => {
    const { near, far } = wire();
    const faults: string[] = [];
    connect<Calculator, Nothing>(far, {
      handlers: { add: ({ a, b }) => a + b, fail: () => assert.fail() },
      onFault: fault => faults.push(fault.code),
    });
    void near.post('rubbish' as unknown as Frame);
    const client = connect<Nothing, Calculator>(near, { handlers: {} });
    assert.equal(await client.request('add', { a: 1, b: 1 }), 2);
    assert.deepEqual(faults, ['rpc.badFrame']);
  });

  it('reads a refusal without a proper problem as an internal one', () => {
    const frame = parseFrame({ kind: 'response', id: 1, ok: false, problem: 'nonsense' });
    assert.ok(frame?.kind === 'response' && !frame.ok);
    assert.equal(frame.problem.code, 'internal');
  });
});
