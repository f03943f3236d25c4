import type { EngineRequests } from '../../src/common/protocol';
import { protocolVersion } from '../../src/common/protocol';
import { connect } from '../../src/common/rpc';
import { EngineService } from './engineService';
import { OpfsDisk } from './opfsDisk';

/** Reads at once where the engine wants bytes at once; only a worker may. */
const blobReader = new FileReaderSync();

declare const self: DedicatedWorkerGlobalScope;

const disk = new OpfsDisk(self.navigator.storage, self.navigator.locks);
void disk.tidy();

const service = new EngineService({
  gpu: self.navigator.gpu,
  disk,
  now: () => performance.now(),
  notify: notification => connection.notify(notification),
  later: (run, ms) => setTimeout(run, ms),
  readBlob: (blob, begin, end) => {
    if (!(blob instanceof Blob)) throw new TypeError('it is no blob');
    return new Uint8Array(blobReader.readAsArrayBuffer(blob.slice(begin, end)));
  },
});

const connection = connect<EngineRequests, Record<never, never>>(
  {
    post: frame => self.postMessage(frame),
    onFrame: listener => {
      const hear = (message: MessageEvent<unknown>) => listener(message.data);
      self.addEventListener('message', hear);
      return { dispose: () => self.removeEventListener('message', hear) };
    },
  },
  { handlers: service.handlers },
);

connection.notify({ type: 'ready', version: protocolVersion });
