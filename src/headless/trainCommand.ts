import { basename, dirname, join, relative, resolve } from 'node:path';
import type { EnginePorts } from './ports';
import type { RunEvent, TrainEvent, TrainOutput } from '../common/run/events';
import type { RunManifest } from '../common/run/view';
import { problem, type ProblemError } from '../common/errors';
import { makeRunId } from '../common/run/runId';
import { createRun, type RunWriter } from '../runs/runFolder';
import type { OpenDevice } from '../../webview/engine/runtime/device';
import type { Disk } from '../../webview/engine/runtime/scratch';
import { RunControl } from '../../webview/engine/train/control';
import { train } from '../../webview/engine/train/loop';
import type { CommandLine } from './arguments';
import { readConfig, readJob, runName, type HeadlessConfig, type HeadlessJob } from './job';
import { nodeDisk } from './nodeDisk';
import { nodeFiles } from './nodeFiles';
import { progressBar } from './progress';
import { Summary } from './summary';

/** Trains a config on Dawn and writes the run folder that the extension would write. */
export async function trainCommand(line: CommandLine, ports: EnginePorts): Promise<void> {
  const loaded = await readConfig(line);
  const name = runName(loaded);
  const id = makeRunId(name, ports.clock(), ports.entropy());
  const prepared = await readJob(loaded, id, line.resume);
  const folder = resolve(line.out ?? join(dirname(loaded.path), '.peft/runs', id));
  const opened = await ports.openDevice();
  const manifest = manifestOf(loaded, prepared, { id, name, createdAt: ports.clock(), version: ports.version });
  const writer = await createRun(
    nodeFiles(dirname(folder)),
    basename(folder),
    { manifest, configText: loaded.text },
    ports.clock,
  );
  const summary = new Summary(folder);
  const report = line.json ? jsonLines(ports) : progressBar(ports, folder);
  writer.onDidAppend(events => events.forEach(event => report(event)));
  try {
    await drive(prepared, { opened, writer, ports, summary, disk: nodeDisk(folder) });
  } finally {
    await writer.close();
  }
  if (line.json) ports.print(JSON.stringify(summary.json()));
}

interface Drive {
  readonly opened: OpenDevice;
  readonly writer: RunWriter;
  readonly ports: EnginePorts;
  readonly summary: Summary;
  readonly disk: Disk;
}

async function drive({ job }: HeadlessJob, { opened, writer, ports, summary, disk }: Drive): Promise<void> {
  await writer.append([{ type: 'state', state: 'starting' }]);
  const control = new RunControl(() => undefined);
  const unsubscribe = ports.onInterrupt(() => control.command('stop'));
  let running = false;
  let stopped = false;
  try {
    for await (const output of train(job, { opened, now: ports.now, control, disk })) {
      if (!running) await writer.append([{ type: 'state', state: 'running' }]);
      running = true;
      await write(writer, output);
      summary.add(output);
      stopped ||= output.kind === 'result' && output.stopped;
    }
    await writer.append([{ type: 'state', state: stopped ? 'stopped' : 'completed' }]);
  } catch (reason) {
    const error = (await lossOf(opened.device)) ?? reason;
    await writer.append([{ type: 'state', state: 'failed', problem: ports.problemOf(error) }]);
    throw error;
  } finally {
    unsubscribe();
  }
}

/** After a failure: the lost device that caused it, if one did. What a lost device breaks names only symptoms. */
async function lossOf(device: GPUDevice): Promise<ProblemError | undefined> {
  const pending = device.queue.onSubmittedWorkDone().then(
    () => undefined,
    () => undefined,
  );
  const info = await Promise.race([device.lost, pending]);
  if (!info) return undefined;
  return problem(
    'device.lost',
    `The GPU device was lost (${info.message || info.reason}).`,
    'Start again with --resume and the last checkpoint of the run folder.',
  );
}

async function write(writer: RunWriter, output: TrainOutput): Promise<void> {
  if (output.kind === 'event') await writer.append([output.event]);
  else if (output.kind === 'checkpoint') await writer.writeCheckpoint(output.step, output.files, output.evalLoss);
  else await writer.writeResult(output.files);
}

function jsonLines(ports: EnginePorts): (event: RunEvent | TrainEvent) => void {
  return event => ports.print(JSON.stringify(event));
}

interface ManifestFacts {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly version: string;
}

function manifestOf(loaded: HeadlessConfig, { fingerprint, data }: HeadlessJob, facts: ManifestFacts): RunManifest {
  return {
    id: facts.id,
    name: facts.name,
    createdAt: facts.createdAt,
    config: loaded.config,
    configPath: relative(process.cwd(), loaded.path),
    model: { label: loaded.config.model, fingerprint },
    data,
    engineVersion: facts.version,
  };
}
