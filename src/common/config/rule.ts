import type { Fix } from './edits';
import type { LintFacts } from './facts';
import { show } from './issues';
import { lowRankOf, type LowRank } from './lowRank';
import type { ParsedConfig } from './parse';
import { stepPlan, type StepPlan } from './plan';
import type { ConfigPath } from './range';
import type { LoraConfig, RunConfig } from './schema';

export type Severity = 'error' | 'warning' | 'info';

/** What a rule found: where to point, and how to repair it. */
export interface Finding {
  readonly path: ConfigPath;
  readonly part?: 'key' | 'value';
  readonly message: string;
  /** Instead of the rule's own. */
  readonly severity?: Severity;
  readonly fixes?: readonly Fix[];
}

export interface Rule {
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  /** Why it matters, in a sentence or two, with the source. */
  readonly why: string;
  /** What to do. */
  readonly advice: string;
  check(context: LintContext): readonly Finding[];
}

/** A config without errors, what is known about its surroundings, and what follows from both. */
export interface LintContext {
  readonly config: RunConfig;
  readonly parsed: ParsedConfig;
  readonly facts: LintFacts;
  readonly plan: StepPlan;
  /** The method when it is LoRA. */
  readonly lora?: LoraConfig;
  /** The method where it trains low-rank matrices: LoRA, AdaLoRA or WeightLoRA. */
  readonly lowRank?: LowRank;
  /** Number of training rows, if the file could be read. */
  readonly rows?: number;
}

export function lintContext(config: RunConfig, parsed: ParsedConfig, facts: LintFacts): LintContext {
  const train = facts.data?.train;
  const rows = train?.problem === undefined ? train?.rows : undefined;
  const lora = config.method.type === 'lora' ? config.method : undefined;
  return { config, parsed, facts, plan: stepPlan(config, rows), lora, lowRank: lowRankOf(config.method), rows };
}

/** Whether the key is written in the text (rather than left to its default). */
export function isWritten(context: LintContext, path: ConfigPath): boolean {
  return context.parsed.locate(path) !== undefined;
}

/** Points at a key, or at the method's type where the key is left to its default. */
export function atOrType(context: LintContext, path: ConfigPath): ConfigPath {
  return isWritten(context, path) ? path : ['method', 'type'];
}

/** A preferred fix that sets one key. */
export function setting(path: ConfigPath, value: unknown, title?: string): Fix {
  return {
    title: title ?? `Set ${path.at(-1)} to ${show(value)}`,
    edits: [{ op: 'set', path, value }],
    preferred: true,
  };
}

/** A fix that removes one key. */
export function removal(path: ConfigPath, preferred = true): Fix {
  return { title: `Remove ${path.at(-1)}`, edits: [{ op: 'remove', path }], preferred };
}

/** The value at quantile `q` (0…1) of numbers in any order; 0 for an empty list. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
}

/** `n` things, with the share of `total`. */
export function share(n: number, total: number): string {
  const percent = (100 * n) / Math.max(1, total);
  return `${n} of ${total} (${percent < 1 ? percent.toFixed(1) : Math.round(percent)} %)`;
}

/** Two significant digits, as a person writes a rate: 0.00043 → `4.3e-4`. */
export function roundRate(rate: number): number {
  return Number(rate.toPrecision(2));
}

export function mib(bytes: number): string {
  const value = bytes / 2 ** 20;
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
