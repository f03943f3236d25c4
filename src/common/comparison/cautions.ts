import type { RunConfig } from '../config/schema';
import { bestEvalLoss, trains, type ComparedRun } from './comparedRun';
import type { ComparisonDefinition } from './definition';
import { untouchedBase, type ComparedGroup } from './groups';
import { estimate, fewestForInterval, shareHalf } from './statistics';

/** Why a difference on the page may not be what it looks like. Ids are those of the rules and of fair comparison. */
export interface Caution {
  readonly id: string;
  readonly severity: 'warning' | 'info';
  readonly message: string;
}

type Inputs = Pick<ComparisonDefinition, 'kind' | 'key'>;

/** The cautions that apply to these runs, each computed from them. None before the first run has numbers. */
export function cautionsOf(definition: Inputs, groups: readonly ComparedGroup[]): Caution[] {
  const measured = groups.filter(group => group.evalLoss !== undefined);
  const runs = groups.flatMap(group => group.runs);
  if (measured.length === 0) return [];
  return [
    ...fewSeeds(measured),
    ...closeCalls(measured),
    ...unequal(definition, runs),
    ...precision(definition, runs),
    ...untunedRates(definition, measured),
    ...edgeOfSweep(definition, measured),
    ...fewAnswers(measured),
    ...missingBaselines(definition, groups),
    ...withoutEffect(runs),
    ...leftOut(groups),
    ...unfinished(groups),
  ];
}

function warning(id: string, message: string): Caution {
  return { id, severity: 'warning', message };
}

function info(id: string, message: string): Caution {
  return { id, severity: 'info', message };
}

function fewSeeds(groups: readonly ComparedGroup[]): Caution[] {
  const trained = groups.filter(group => group.trains);
  const counts = trained.map(group => group.evalLoss?.n ?? 0);
  const fewest = Math.min(...counts);
  if (trained.length === 0 || fewest >= fewestForInterval) return [];
  const seeds = fewest === 1 ? 'One seed' : `${fewest} seeds`;
  const whose = counts.every(count => count === fewest) ? 'each' : `of ${trained[counts.indexOf(fewest)].label}`;
  return [
    warning(
      'E02',
      `${seeds} ${whose}: how much of a difference is chance cannot be told. Three seeds give an interval.`,
    ),
  ];
}

/** Whether the best group is told apart from each other one: over the same seeds by their paired differences. */
function closeCalls(groups: readonly ComparedGroup[]): Caution[] {
  const ranked = groups
    .filter(group => group.trains && (group.evalLoss?.n ?? 0) >= fewestForInterval)
    .sort((a, b) => (a.evalLoss?.mean ?? 0) - (b.evalLoss?.mean ?? 0));
  const best = ranked.at(0);
  if (best === undefined) return [];
  const near = ranked.slice(1).filter(other => !isApart(best, other));
  if (near.length === 0) return [];
  const names = near.map(group => group.label).join(', ');
  return [
    warning('E02', `${best.label} is not told apart from ${names}: the 95 % interval of the difference holds 0.`),
  ];
}

/** Student's t on the differences of the seeds both have; without three of these, whether the intervals are disjoint. */
export function isApart(a: ComparedGroup, b: ComparedGroup): boolean {
  const bySeed = new Map(b.runs.map(run => [run.config.training.seed, bestEvalLoss(run)]));
  const differences = a.runs.flatMap(run => {
    const mine = bestEvalLoss(run);
    const other = bySeed.get(run.config.training.seed);
    return mine === undefined || other === undefined ? [] : [mine - other];
  });
  const paired = estimate(differences);
  if (paired?.half !== undefined) return Math.abs(paired.mean) > paired.half;
  const [first, second] = [a.evalLoss, b.evalLoss];
  if (first?.half === undefined || second?.half === undefined) return false;
  return Math.abs(first.mean - second.mean) > first.half + second.half;
}

/** What must be the same for a fair comparison, as each run's manifest and events have it. */
const conditions: readonly {
  readonly name: string;
  readonly keys: readonly string[];
  readonly of: (run: ComparedRun) => unknown;
  readonly trainedOnly?: boolean;
}[] = [
  { name: 'base model', keys: ['model'], of: run => run.model.fingerprint },
  { name: 'evaluation rows', keys: ['data.eval'], of: run => run.data.eval },
  { name: 'training rows', keys: ['data.train'], of: run => run.data.train },
  { name: 'length to which rows are cut', keys: ['data.max_length'], of: run => run.config.data.max_length },
  { name: 'tokens that the loss counts', keys: ['data.loss'], of: run => run.config.data.loss },
  { name: 'data order', keys: ['data.shuffle'], of: run => run.config.data.shuffle, trainedOnly: true },
  { name: 'rows a step', keys: batchKeys(), of: run => rowsOfStep(run.config), trainedOnly: true },
  { name: 'number of steps', keys: stepKeys(), of: run => run.totalSteps, trainedOnly: true },
];

function batchKeys(): string[] {
  return ['training.per_device_train_batch_size', 'training.gradient_accumulation_steps'];
}

function stepKeys(): string[] {
  return ['training.max_steps', 'training.num_train_epochs', ...batchKeys()];
}

function rowsOfStep({ training }: RunConfig): number {
  return training.per_device_train_batch_size * training.gradient_accumulation_steps;
}

function unequal({ key }: Inputs, runs: readonly ComparedRun[]): Caution[] {
  const differing = conditions.filter(({ keys, of, trainedOnly }) => {
    const concerned = trainedOnly ? runs.filter(trains) : runs;
    return !(key !== undefined && keys.includes(key)) && new Set(concerned.map(of)).size > 1;
  });
  const cautions = differing.map(({ name }) => warning('E03', `The runs differ in: ${name}.`));
  return [...cautions, ...unequalTokens(runs, key)];
}

/** Runs of the same seed see the same rows; tokens differ where rows are cut or a run was stopped. */
function unequalTokens(runs: readonly ComparedRun[], key: string | undefined): Caution[] {
  const finished = runs.filter(
    run => countsRows(run) && trains(run) && (run.state === 'completed' || run.state === 'stopped'),
  );
  const bySeed = new Map<number, number[]>();
  for (const { config, tokens } of finished) {
    const { seed } = config.training;
    bySeed.set(seed, [...(bySeed.get(seed) ?? []), tokens]);
  }
  const widest = Math.max(1, ...[...bySeed.values()].map(all => Math.max(...all) / Math.max(1, Math.min(...all))));
  const isWanted = key !== undefined && [...stepKeys(), 'data.max_length'].includes(key);
  if (widest < 1.005 || isWanted) return [];
  return [warning('E03', `The runs of one seed saw different amounts of tokens, up to ${widest.toFixed(2)} times.`)];
}

/** P-tuning's placeholders are tokens of the stream, so its count is not that of its rows. */
function countsRows({ config }: ComparedRun): boolean {
  return config.method.type !== 'p-tuning';
}

function precision({ key }: Inputs, runs: readonly ComparedRun[]): Caution[] {
  if (key === 'memory.quantization') return [];
  const stored = [...new Set(runs.map(run => run.config.memory.quantization))];
  if (stored.length < 2) return [];
  const names = stored.map(name => (name === 'none' ? 'f32' : name)).join(', ');
  return [
    warning('Q10', `These runs stand on different bases (${names}): their losses differ by more than the method.`),
  ];
}

function untunedRates({ kind }: Inputs, groups: readonly ComparedGroup[]): Caution[] {
  const trained = groups.filter(group => group.trains);
  if (kind !== 'methods' || trained.length < 2) return [];
  return [
    warning(
      'E04',
      'Each method ran at one learning rate. Sweep training.learning_rate of those that are close, three values at least.',
    ),
  ];
}

function edgeOfSweep({ kind, key }: Inputs, groups: readonly ComparedGroup[]): Caution[] {
  const values = groups.map(group => Number(group.id));
  if (kind !== 'sweep' || key === undefined || groups.length < 3 || !values.every(Number.isFinite)) return [];
  const best = groups.reduce((a, b) => ((b.evalLoss?.mean ?? Infinity) < (a.evalLoss?.mean ?? Infinity) ? b : a));
  const value = Number(best.id);
  const side = value === Math.max(...values) ? 'highest' : value === Math.min(...values) ? 'lowest' : undefined;
  if (side === undefined) return [];
  return [info('E04', `The best value of ${key} is the ${side} one tried (${best.id}): the optimum may lie beyond.`)];
}

/** Exact match is a share of few rows, which chance alone moves. */
function fewAnswers(groups: readonly ComparedGroup[]): Caution[] {
  const run = groups.flatMap(group => (group.exactMatch === undefined ? [] : group.runs)).at(0);
  if (run === undefined || run.evalRows === 0) return [];
  const widest = Math.max(...groups.map(group => shareHalf(group.exactMatch?.mean ?? 0, run.evalRows)));
  if (widest < 0.01) return [];
  const points = (100 * widest).toFixed(1);
  return [info('E02', `Exact match counts ${run.evalRows} rows: a share is within ${points} points by chance alone.`)];
}

function missingBaselines({ kind }: Inputs, groups: readonly ComparedGroup[]): Caution[] {
  const cautions: Caution[] = [];
  if (untouchedBase(groups.flatMap(group => group.variants)) === undefined)
    cautions.push(
      info('E09', 'No run starts as the untouched base model, so there is nothing to measure progress from.'),
    );
  if (kind === 'methods' && groups.every(group => group.trains))
    cautions.push(info('E09', 'Few-shot prompting is missing: it says what the model can do without any training.'));
  return cautions;
}

function withoutEffect(runs: readonly ComparedRun[]): Caution[] {
  return runs
    .filter(run => {
      const { step, loss } = run.evaluations;
      return trains(run) && step[0] === 0 && loss.length > 1 && run.step >= 3 && loss.every(one => one === loss[0]);
    })
    .map(run =>
      warning(
        'E07',
        `${run.config.name ?? run.id} did not change the model: every evaluation is the same bit for bit.`,
      ),
    );
}

function leftOut(groups: readonly ComparedGroup[]): Caution[] {
  const failed = groups.flatMap(group =>
    group.variants.flatMap(({ run, config }) =>
      run?.state === 'failed' || run?.state === 'interrupted' ? [{ run, config }] : [],
    ),
  );
  return failed.map(({ run, config }) =>
    warning(
      'E08',
      `${config} ${run.state === 'failed' ? 'failed' : 'was cut off'} and is not in the numbers. ${run.problem?.message ?? ''}`.trim(),
    ),
  );
}

function unfinished(groups: readonly ComparedGroup[]): Caution[] {
  const count = groups.filter(group => group.isProvisional).length;
  const stopped = groups.flatMap(group => group.runs).filter(run => run.state === 'stopped').length;
  return [
    ...(count > 0 ? [info('E03', 'Some runs are under way: their numbers will change.')] : []),
    ...(stopped > 0
      ? [warning('E03', `${stopped} ${stopped === 1 ? 'run was' : 'runs were'} stopped before the last step.`)]
      : []),
  ];
}
