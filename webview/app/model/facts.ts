import type { AdapterInfo } from '../../../src/common/run/events';
import { isActive } from '../../../src/common/run/stateMachine';
import type { RunView } from '../../../src/common/run/view';
import { formatCount, formatDuration, formatMetric, formatMilliseconds, formatPercent } from './format';

export interface Fact {
  readonly label: string;
  readonly value: string;
  readonly note?: string;
}

/** The run card's lines; a line without a value yet is left out. `now` in epoch milliseconds. */
export function factsOf(run: RunView, now: number): Fact[] {
  return [
    { label: 'Model', value: run.manifest.model.label },
    ...parameterFacts(run),
    ...dataFacts(run),
    ...batchFacts(run),
    ...timeFacts(run, now),
    ...checkpointFacts(run),
    ...(run.adapter === undefined ? [] : [adapterFact(run.adapter)]),
    ...(run.exported === undefined ? [] : [{ label: 'Result', value: run.exported }]),
  ];
}

function parameterFacts(run: RunView): Fact[] {
  if (run.totalParameters === 0) return [];
  const share = run.trainableParameters / run.totalParameters;
  return [
    {
      label: 'Trained',
      value: `${formatCount(run.trainableParameters)} of ${formatCount(run.totalParameters)}`,
      note: `${formatPercent(share)} of the parameters`,
    },
  ];
}

function dataFacts(run: RunView): Fact[] {
  if (run.trainRows === 0) return [];
  const notes = [
    run.truncatedRows > 0 && `${formatCount(run.truncatedRows)} cut to length`,
    run.skippedRows > 0 && `${formatCount(run.skippedRows)} skipped`,
  ].filter(note => note !== false);
  const held = run.evalRows > 0 ? ` + ${formatCount(run.evalRows)} for evaluation` : '';
  return [{ label: 'Rows', value: `${formatCount(run.trainRows)}${held}`, note: notes.join(', ') || undefined }];
}

function batchFacts(run: RunView): Fact[] {
  if (run.manifest.config.method.type === 'few-shot') return [];
  const { per_device_train_batch_size: rows, gradient_accumulation_steps: accumulation } = run.manifest.config.training;
  const value = accumulation > 1 ? `${rows} × ${accumulation} = ${rows * accumulation} rows` : `${rows} rows`;
  const note = run.stepsPerEpoch > 0 ? `${formatCount(run.stepsPerEpoch)} steps an epoch` : undefined;
  return [{ label: 'Batch', value, note }];
}

function timeFacts(run: RunView, now: number): Fact[] {
  if (run.startedAt === undefined) return [];
  const end = isActive(run.state) ? now : run.updatedAt;
  const note = run.stepMs === undefined ? undefined : `${formatMilliseconds(run.stepMs)} a step`;
  return [{ label: 'Time', value: formatDuration(end - run.startedAt), note }];
}

function checkpointFacts(run: RunView): Fact[] {
  const last = run.checkpoints.at(-1);
  if (last === undefined) return [];
  const best = run.checkpoints.findLast(item => item.best);
  const loss = best?.evalLoss === undefined ? '' : ` (${formatMetric(best.evalLoss)})`;
  const note = best === undefined ? undefined : `best at step ${formatCount(best.step)}${loss}`;
  return [{ label: 'Checkpoint', value: `step ${formatCount(last.step)}`, note }];
}

function adapterFact(adapter: AdapterInfo): Fact {
  const name = adapter.description || [adapter.vendor, adapter.architecture].filter(part => part !== '').join(' ');
  return { label: 'GPU', value: name || 'unnamed adapter', note: adapter.software ? 'software, slow' : undefined };
}
