import { problem, ProblemError, toProblem, type Problem } from './errors';
import type { Disposable } from './lifecycle';
import type { Frame } from './protocol';

/** Any interface of the form `{ method: { params; result } }`, such as those of `protocol.ts`. */
export type RequestMap<M> = { [K in keyof M]: { params: unknown; result: unknown } };

/** One function per method; what it throws becomes the caller's rejection. */
export type Handlers<M extends RequestMap<M>> = {
  [K in keyof M]: (params: M[K]['params']) => M[K]['result'] | Promise<M[K]['result']>;
};

/** A wire to the other side: a webview, a Worker, or in tests the other end of a pair. */
export interface Port {
  /** Sends one frame. A promise that resolves to `false` means that nobody received it. */
  post(frame: Frame): unknown;
  /** Hears whatever arrives; it is validated by {@link parseFrame} before anything is done with it. */
  onFrame(listener: (raw: unknown) => void): Disposable;
}

export interface RpcOptions<Mine extends RequestMap<Mine>> {
  /** Answers for what the other side may ask. */
  readonly handlers: Handlers<Mine>;
  readonly onNotification?: (body: unknown) => void;
  /** Told about frames that are not frames and about handlers that throw on a notification. */
  readonly onFault?: (fault: Problem) => void;
}

/** This side of a connection whose other side answers `Theirs`. */
export interface Connection<Theirs extends RequestMap<Theirs>> extends Disposable {
  /** Resolves with the answer; rejects with a `ProblemError` if it fails, cannot be sent or the connection closes. */
  request<K extends keyof Theirs & string>(method: K, params: Theirs[K]['params']): Promise<Theirs[K]['result']>;
  notify(body: unknown): void;
  /** Rejects all pending requests and every later one with `reason`. Closing again changes nothing. */
  close(reason: Problem): void;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: ProblemError): void;
}

const disposed: Problem = { code: 'rpc.closed', message: 'The connection was closed.', hint: 'Try again.' };

/** Connects both directions over one port. Every request gets an answer, also unknown ones and those that throw. */
export function connect<Mine extends RequestMap<Mine>, Theirs extends RequestMap<Theirs>>(
  port: Port,
  options: RpcOptions<Mine>,
): Connection<Theirs> {
  const outgoing = new Outgoing(port);
  const listening = port.onFrame(raw => {
    if (outgoing.isClosed) return;
    const frame = parseFrame(raw);
    if (frame === undefined) {
      options.onFault?.({
        code: 'rpc.badFrame',
        message: `Not a frame: ${describe(raw)}.`,
        hint: 'Reload the window.',
      });
    } else if (frame.kind === 'request') void answer(port, options.handlers, frame, () => outgoing.isClosed);
    else if (frame.kind === 'response') outgoing.settle(frame);
    else hear(options, frame.body);
  });
  const close = (reason: Problem) => {
    listening.dispose();
    outgoing.close(reason);
  };
  return {
    request: (method, params) => outgoing.request(method, params),
    notify: body => {
      if (!outgoing.isClosed) void Promise.resolve(port.post({ kind: 'notification', body })).catch(() => undefined);
    },
    close,
    dispose: () => close(disposed),
  };
}

/** Requests that wait for their answer. */
class Outgoing {
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private closed: Problem | undefined;

  constructor(private readonly port: Port) {}

  get isClosed(): boolean {
    return this.closed !== undefined;
  }

  /** `T` is what the request map of the caller promises; the frame around it has been validated. */
  request<T>(method: string, params: unknown): Promise<T> {
    if (this.closed) return Promise.reject(new ProblemError(this.closed));
    const id = this.nextId++;
    const answered = new Promise<T>((resolve, reject) => {
      this.pending.set(id, { resolve: result => resolve(result as T), reject });
    });
    this.send(id, { kind: 'request', id, method, params });
    return answered;
  }

  settle(frame: Frame & { kind: 'response' }): void {
    const waiting = this.pending.get(frame.id);
    if (!waiting) return;
    this.pending.delete(frame.id);
    if (frame.ok) waiting.resolve(frame.result);
    else waiting.reject(new ProblemError(frame.problem));
  }

  close(reason: Problem): void {
    if (this.closed) return;
    this.closed = reason;
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const one of waiting) one.reject(new ProblemError(reason));
  }

  private send(id: number, frame: Frame): void {
    const fail = (error: unknown) => {
      this.pending.get(id)?.reject(error instanceof ProblemError ? error : new ProblemError(toProblem(error)));
      this.pending.delete(id);
    };
    try {
      Promise.resolve(this.port.post(frame)).then(delivered => {
        if (delivered === false) fail(problem('rpc.undelivered', 'The other side is not listening.', 'Try again.'));
      }, fail);
    } catch (error) {
      fail(error);
    }
  }
}

async function answer<M extends RequestMap<M>>(
  port: Port,
  handlers: Handlers<M>,
  frame: Frame & { kind: 'request' },
  isClosed: () => boolean,
): Promise<void> {
  const { id, method } = frame;
  const refuse = (error: unknown): Frame => ({ kind: 'response', id, ok: false, problem: toProblem(error) });
  let reply: Frame;
  try {
    if (!Object.hasOwn(handlers, method))
      throw problem('rpc.unknown', `Nobody answers "${method}".`, 'Reload the window.');
    const handler = handlers[method as keyof M];
    reply = { kind: 'response', id, ok: true, result: await handler(frame.params) };
  } catch (error) {
    reply = refuse(error);
  }
  if (isClosed()) return;
  try {
    await port.post(reply);
  } catch (error) {
    // A result that cannot be cloned must still be answered; a problem is plain text and always can.
    await Promise.resolve(port.post(refuse(error))).catch(() => undefined);
  }
}

function hear(
  options: { onNotification?: (body: unknown) => void; onFault?: (fault: Problem) => void },
  body: unknown,
) {
  try {
    options.onNotification?.(body);
  } catch (error) {
    options.onFault?.(toProblem(error));
  }
}

/** The one entry for what arrives on a wire: a well-formed {@link Frame}, or `undefined`. */
export function parseFrame(raw: unknown): Frame | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const { kind, id, method, params, ok, result, problem: refused, body } = raw as Record<string, unknown>;
  if (kind === 'notification') return { kind, body };
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) return undefined;
  if (kind === 'request') return typeof method === 'string' ? { kind, id, method, params } : undefined;
  if (kind !== 'response') return undefined;
  if (ok === true) return { kind, id, ok, result };
  return ok === false ? { kind, id, ok, problem: toProblem(refused) } : undefined;
}

function describe(raw: unknown): string {
  if (typeof raw === 'string') return JSON.stringify(raw.slice(0, 60));
  return raw === null || typeof raw !== 'object'
    ? String(raw)
    : `an object with ${Object.keys(raw).slice(0, 6).join(', ')}`;
}
