import type { RunEvent } from '../common/run/events';
import type { EnginePorts } from './ports';

const width = 28;

/** Shows a run on standard error: a bar on a terminal, a line now and then elsewhere. */
export function progressBar(ports: EnginePorts, folder: string): (event: RunEvent) => void {
  let total = 0;
  let evaluated = '';
  const line = (text: string) => ports.show(`${ports.terminal ? '\r\x1b[K' : ''}${text}\n`);
  return event => {
    if (event.type === 'started') {
      total = event.totalSteps;
      line(`${event.adapter.description || event.adapter.vendor}; ${event.trainableParameters} parameters train`);
      for (const note of rowNotes(event)) line(note);
    } else if (event.type === 'evaluation') {
      evaluated = ` eval ${event.loss.toFixed(4)}`;
      line(`step ${event.step}: ${evaluationText(event)}`);
    } else if (event.type === 'sample') line(`  ${event.prompt} →${event.completion.replaceAll('\n', ' ')}`);
    else if (event.type === 'checkpoint') line(`step ${event.step}: saved ${event.path}`);
    else if (event.type === 'warning') line(`${event.problem.message} ${event.problem.hint}`);
    else if (event.type === 'exported') line(`result in ${folder}/${event.path}`);
    else if (event.type === 'metrics') {
      const text = `${event.step}/${total} loss ${event.loss.toFixed(4)}${evaluated} ${event.tokensPerSecond.toFixed(0)} tok/s`;
      if (ports.terminal) ports.show(`\r\x1b[K${bar(event.step / total)} ${text}`);
      else if (event.step % 10 === 0 || event.step === total) line(text);
    }
  };
}

function evaluationText({ loss, exactMatch }: Extract<RunEvent, { type: 'evaluation' }>): string {
  const matched = exactMatch === undefined ? '' : `, exact match ${(100 * exactMatch).toFixed(1)} %`;
  return `evaluation loss ${loss.toFixed(4)}, perplexity ${Math.exp(loss).toFixed(2)}${matched}`;
}

/** What became of rows that are not trained on as they are. */
function rowNotes({ truncatedRows, skippedRows }: Extract<RunEvent, { type: 'started' }>): string[] {
  const count = (rows: number) => (rows === 1 ? '1 row' : `${rows} rows`);
  const notes: string[] = [];
  if (truncatedRows > 0) notes.push(`${count(truncatedRows)} longer than data.max_length: cut at the end`);
  if (skippedRows > 0) notes.push(`${count(skippedRows)} with nothing to learn: left out`);
  return notes;
}

function bar(share: number): string {
  const filled = Math.round(share * width);
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`;
}
