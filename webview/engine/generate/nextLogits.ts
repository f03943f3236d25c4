import { leadOf, type Lead } from '../data/batches';
import type { Engine } from '../train/engine';

/** Answers for the token after a text. Texts hold no placeholders: these belong to the method. */
export interface NextLogits {
  /** Most tokens of a text. */
  readonly longest: number;
  /** Next-token logits [V] after `tokens`, which must not be empty nor longer than `longest`. */
  after(tokens: readonly number[]): Promise<Float32Array>;
}

/**
 * Asks with a key-value cache: only tokens that the last text did not begin with are computed. Whoever changes a
 * weight or an adapter must make a new one, because keys and values depend on them.
 */
export function cachedLogits(engine: Engine, step: Uint32Array<ArrayBuffer>): NextLogits {
  const lead = leadOf(engine.programs.spec.method.virtualTokens);
  const rows = engine.programs.spec.cache?.rows ?? 0;
  let known: readonly number[] | undefined;
  return {
    longest: rows - lead.firstPosition - lead.placeholders,
    after: async tokens => {
      const whole = withLead(tokens, lead);
      if (!known) engine.resetCache(step);
      const common = commonStart(known ?? [], whole);
      known = undefined;
      const logits = await engine.feed(whole.slice(common), lead.firstPosition + common, step);
      known = whole;
      return logits;
    },
  };
}

/** Asks by a full pass over the text each time. */
export function uncachedLogits(engine: Engine, step: Uint32Array<ArrayBuffer>): NextLogits {
  const { method, streams } = engine.programs.spec;
  const lead = leadOf(method.virtualTokens);
  return {
    longest: streams.generate - lead.placeholders,
    after: tokens => engine.passOver(withLead(tokens, lead), lead.firstPosition, step),
  };
}

/** The way the engine was planned for: with a cache if it has one. */
export function nextLogits(engine: Engine, step: Uint32Array<ArrayBuffer>): NextLogits {
  return engine.programs.spec.cache ? cachedLogits(engine, step) : uncachedLogits(engine, step);
}

function withLead(tokens: readonly number[], { placeholders }: Lead): readonly number[] {
  return placeholders === 0 ? tokens : [...new Array<number>(placeholders).fill(0), ...tokens];
}

/** How many tokens two texts begin with in common, at most all but the last of `text`. */
function commonStart(known: readonly number[], text: readonly number[]): number {
  const most = Math.min(known.length, text.length - 1);
  let common = 0;
  while (common < most && known[common] === text[common]) common++;
  return common;
}
