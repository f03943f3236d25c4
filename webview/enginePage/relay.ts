import { toProblem, type Problem } from '../../src/common/errors';
import type { FileBlob, Frame, ModelFiles, WeightFile } from '../../src/common/protocol';
import type { TrainOutput } from '../../src/common/run/events';
import { parseFrame } from '../../src/common/rpc';

/** The wires of the page and the one thing it does itself: fetching weights, which a worker of a webview cannot. */
export interface RelayWires {
  toHost(frame: Frame): void;
  toWorker(frame: Frame): void;
  /** A handle on the file, however large it is. */
  fetchFile(uri: string): Promise<FileBlob>;
}

export interface Relay {
  fromHost(frame: Frame): void;
  fromWorker(raw: unknown): void;
}

/**
 * Passes frames between host and worker in order. A request with a model leaves with its weights as blobs instead of
 * their addresses; if they cannot be fetched the page answers it.
 */
export function createRelay(wires: RelayWires): Relay {
  let order: Promise<void> = Promise.resolve();
  return {
    fromHost: frame => {
      order = order.then(() => forward(frame, wires));
    },
    fromWorker: raw => {
      const frame = parseFrame(raw);
      if (!frame) return;
      if (frame.kind === 'notification') compact(frame.body);
      wires.toHost(frame);
    },
  };
}

const carriesModel: readonly string[] = ['start', 'openModel'];

async function forward(frame: Frame, wires: RelayWires): Promise<void> {
  if (frame.kind !== 'request' || !carriesModel.includes(frame.method)) {
    wires.toWorker(frame);
    return;
  }
  const { id, method } = frame;
  try {
    const { job } = frame.params as { job: { model: ModelFiles } };
    const weights = await fetchWeights(job.model.weights, wires);
    const params = { job: { ...job, model: { ...job.model, weights } } };
    wires.toWorker({ kind: 'request', id, method, params });
  } catch (error) {
    wires.toHost({ kind: 'response', id, ok: false, problem: toProblem(error) });
  }
}

async function fetchWeights(weights: ModelFiles['weights'], wires: RelayWires): Promise<WeightFile[]> {
  const fetched: WeightFile[] = [];
  for (const one of weights)
    fetched.push('uri' in one ? { name: one.name, blob: await wires.fetchFile(one.uri) } : one);
  return fetched;
}

/** A message carries the whole buffer behind a view; files that are small parts of a large one are copied out. */
function compact(body: unknown): void {
  const outputs = (body as { outputs?: unknown } | undefined)?.outputs;
  if (!Array.isArray(outputs)) return;
  for (const output of outputs as TrainOutput[]) {
    if (output.kind === 'event') continue;
    const files = output.files as Record<string, Uint8Array>;
    for (const [name, bytes] of Object.entries(files)) {
      if (bytes.byteLength !== bytes.buffer.byteLength) files[name] = bytes.slice();
    }
  }
}

/** Why a worker stopped, from whatever its error event says. */
export function workerProblem(message: string | undefined): Problem {
  return {
    code: 'engine.lost',
    message: `The engine's worker stopped${message ? `: ${message}` : '.'}`,
    hint: 'It is started again; the run goes on from its last checkpoint.',
  };
}
