/** The gallery of the README: a table of methods and a list of the other ideas, from the kept results. */
import { filled, lookupIn, type Results } from './results';
import { mainRun, type Idea } from './ideas';

const begin = '<!-- lecture: written by `npm run docs` from docs/lecture-results.json -->';
const end = '<!-- /lecture -->';

/** The README with its gallery written anew. Throws when the marks around it are missing. */
export function withGallery(readme: string, ideas: readonly Idea[], results: Results): string {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md lacks the marks ${begin} and ${end}.`);
  return `${readme.slice(0, from + begin.length)}\n\n${gallery(ideas, results)}\n\n${readme.slice(to)}`;
}

function gallery(ideas: readonly Idea[], results: Results): string {
  const lookup = lookupIn(results);
  const methods = ideas.filter(idea => idea.row);
  const rest = ideas.filter(idea => !idea.row);
  const list = rest.map(idea => `- **${idea.title}** ([config](${link(idea)})): ${filled(idea.seen, lookup)}`);
  const rows = methods.map(idea => [
    `[${idea.title}](${link(idea)})`,
    ...numbers(mainRun(idea.config), results),
    filled(idea.seen, lookup),
  ]);
  return `${table(rows)}\n\n${list.join('\n')}`;
}

function link(idea: Idea): string {
  return `media/examples/lecture/${idea.config}.peft.yaml`;
}

/** Trained parameters, eval loss at start and end, peak memory. */
function numbers(run: string, results: Results): string[] {
  const { trainable, evalFirst, evalLast, peak } = results.runs[run].measures;
  return [
    trainable.toLocaleString('en-US'),
    `${evalFirst.toFixed(2)} → ${evalLast.toFixed(2)}`,
    (peak / 2 ** 20).toFixed(1),
  ];
}

const head = ['Method', 'Trained numbers', 'Eval loss', 'Peak MiB', 'What to see'];
const right = [false, true, true, true, false];

/** As Prettier lays a table out: columns of one width. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => row[column].length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (right[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join(' | ')} |`;
  const rule = widths.map((width, column) => (right[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}
