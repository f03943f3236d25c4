import { forecastOf } from '../../webview/engine/forecast';
import { defaultLimits } from '../../webview/engine/memory/layout';
import { prepareRun } from '../../webview/engine/train/prepare';
import { readConfig, readJob } from './job';
import type { CommandLine } from './arguments';

/** Prints memory by category, without a GPU: what the run would create on an adapter with WebGPU's default limits. */
export async function forecastCommand(line: CommandLine): Promise<void> {
  const loaded = await readConfig(line);
  const { job } = await readJob(loaded, 'forecast', line.resume);
  const result = forecastOf(prepareRun(job, { limits: defaultLimits, profile: 'gpu' }).programs);
  if (line.json) {
    const { timeline, ...rest } = result;
    process.stdout.write(`${JSON.stringify({ ...rest, peak: timeline.peak })}\n`);
    return;
  }
  const row = (name: string, bytes: number) => `${name.padEnd(14)} ${(bytes / 2 ** 20).toFixed(2).padStart(10)} MiB\n`;
  for (const [category, bytes] of Object.entries(result.bytes)) process.stdout.write(row(category, bytes));
  process.stdout.write(row('total', result.total));
  const peak = result.timeline.points[result.timeline.peak.index];
  process.stdout.write(
    `${result.trainableParameters} of ${result.totalParameters} parameters train; ` +
      `most is live in ${peak.op} (${peak.phase}).\n`,
  );
}
