import type { Fix } from '../edits';
import type { TargetFact } from '../facts';
import { lowRankOf, rankFix } from '../lowRank';
import { atOrType, removal, setting, type Finding, type LintContext, type Rule } from '../rule';

const alphaPath = ['method', 'lora_alpha'];

/** One target per kind of module: all blocks have the same shapes. */
function kinds({ lowRank, facts: { model } }: LintContext): TargetFact[] {
  if (lowRank === undefined || model === undefined) return [];
  const selection = model.select(lowRank.targets);
  if ('problem' in selection) return [];
  const byKind = new Map(selection.targets.map(target => [`${target.module.leaf}/${target.rank}`, target]));
  return [...byKind.values()];
}

/** Points at the pattern that gave a rank, or at the rank of all. */
function rankAt(context: LintContext, { module }: TargetFact) {
  const { lora, lowRank } = context;
  const pattern = Object.keys(lora?.rank_pattern ?? {}).find(key => key === module.leaf || key === module.path);
  if (pattern !== undefined) return ['method', 'rank_pattern', pattern];
  return atOrType(context, ['method', lowRank?.rankKey ?? 'r']);
}

/** LoRA can have a rank of its own for each kind of module, the others only one for all. */
function capped({ config }: LintContext, target: TargetFact, rank: number): Fix {
  const { leaf } = target.module;
  const lowRank = lowRankOf(config.method);
  if (lowRank && lowRank.method.type !== 'lora') return rankFix(lowRank, rank);
  return setting(['method', 'rank_pattern', leaf], rank, `Set the rank of ${leaf} to ${rank}`);
}

const aboveFullRank: Rule = {
  id: 'R01',
  severity: 'error',
  title: 'Rank above what the matrix can have',
  why: 'An update of an in × out matrix has at most min(in, out) directions; k_proj and v_proj are narrow with few KV heads.',
  advice: 'Lower r, or give the narrow modules their own rank in rank_pattern.',
  check: context =>
    kinds(context).flatMap((target): Finding[] => {
      const { leaf, in: width, out } = target.module;
      const most = Math.min(width, out);
      if (target.rank <= most) return [];
      const message = `${leaf} is ${width} × ${out}: its rank cannot exceed ${most}, but ${target.rank} is asked for.`;
      return [{ path: rankAt(context, target), message, fixes: [capped(context, target, most)] }];
    }),
};

const asLargeAsFull: Rule = {
  id: 'R02',
  severity: 'warning',
  title: 'The update is as large as the matrix',
  why: 'From rank in·out / (in + out) on, A and B together hold as many numbers as the matrix itself.',
  advice: 'Lower the rank, or use full fine-tuning.',
  check: context =>
    kinds(context).flatMap((target): Finding[] => {
      const { leaf, in: width, out } = target.module;
      const bound = (width * out) / (width + out);
      if (target.rank < bound || target.rank > Math.min(width, out)) return [];
      const message = `Rank ${target.rank} on ${leaf} (${width} × ${out}) trains as many numbers as the matrix itself has.`;
      return [
        { path: rankAt(context, target), message, fixes: [capped(context, target, Math.max(1, Math.ceil(bound / 2)))] },
      ];
    }),
};

const oddScale: Rule = {
  id: 'R07',
  severity: 'warning',
  title: 'The update is scaled very weakly or strongly',
  why:
    'The update is multiplied by lora_alpha / r. Left at 8 while the rank grows, alpha leaves an update that hardly moves ' +
    'the model (huggingface/lerobot #3551); far above 8 it overshoots.',
  advice: 'Use lora_alpha = 32, or twice the rank.',
  check: context => {
    const { lora, lowRank } = context;
    if (lowRank === undefined || lora?.use_rslora === true) return [];
    const { rank, rankKey, method } = lowRank;
    const scale = method.lora_alpha / rank;
    // A weak scale of AdaLoRA is A07.
    if ((scale >= 0.25 || method.type === 'adalora') && scale <= 8) return [];
    const message = `lora_alpha / ${rankKey} is ${Number(scale.toPrecision(3))}: the update is scaled ${scale < 1 ? 'so weakly that it hardly moves the model' : 'so strongly that it overshoots'}.`;
    return [{ path: atOrType(context, alphaPath), message, fixes: [setting(alphaPath, 2 * rank)] }];
  },
};

const doubleScale: Rule = {
  id: 'R08',
  severity: 'info',
  title: 'Rank-stabilised LoRA with a large alpha',
  why: 'Rank-stabilised LoRA already divides by √r instead of r; an alpha made for the old scale scales twice.',
  advice: 'Set lora_alpha near r.',
  check: ({ lora }) => {
    const scale = (lora?.lora_alpha ?? 0) / Math.sqrt(lora?.r ?? 1);
    if (lora?.use_rslora !== true || scale <= 8 || lora.lora_alpha === lora.r) return [];
    const message = `With use_rslora the update is scaled by lora_alpha / √r = ${Number(scale.toPrecision(3))}.`;
    return [{ path: alphaPath, message, fixes: [setting(alphaPath, lora.r)] }];
  },
};

const otherAdapter: Rule = {
  id: 'R09',
  severity: 'warning',
  title: 'The adapter to continue does not say or match its scale',
  why:
    'An adapter trained with another r, alpha or rsLoRA setting is scaled differently and does not do what it did; one ' +
    'that does not state them may come from a tool that leaves out the division by r.',
  advice: 'Use the rank, alpha and scaling the adapter was trained with.',
  check: ({ lowRank, facts: { adapter } }) => {
    if (lowRank?.method.adapter === undefined || adapter === undefined) return [];
    const { method, rankKey, rank } = lowRank;
    const path = ['method', 'adapter'];
    if (adapter[rankKey] === undefined || adapter.lora_alpha === undefined) {
      const message = `${method.adapter} does not say its ${rankKey} and lora_alpha; ${method.lora_alpha / rank} is taken as its scale.`;
      return [{ path, message }];
    }
    const stated = {
      [rankKey]: adapter[rankKey],
      lora_alpha: adapter.lora_alpha,
      use_rslora: adapter.use_rslora ?? false,
    };
    const own: Readonly<Record<string, unknown>> = { use_rslora: false, ...method };
    const keys = Object.keys(stated).filter(key => stated[key] !== own[key]);
    if (keys.length === 0) return [];
    const message = `${method.adapter} was trained with ${keys.map(key => `${key} ${stated[key]}`).join(', ')}.`;
    const edits = keys.map(key => ({ op: 'set' as const, path: ['method', key], value: stated[key] }));
    const canFollow = keys.every(key => key in method);
    const fix = { title: `Take ${keys.join(', ')} from the adapter`, edits, preferred: true };
    return [{ path, message, fixes: canFollow ? [fix] : [] }];
  },
};

const randomStart: Rule = {
  id: 'R14',
  severity: 'warning',
  title: 'The adapter starts at random',
  why: 'With init_lora_weights false B is random too, so step 0 is not the base model. PEFT means it for tests.',
  advice: 'Remove the key.',
  check: ({ lora }) => {
    const path = ['method', 'init_lora_weights'];
    if (lora?.init_lora_weights !== false) return [];
    return [{ path, message: 'The run starts from a damaged model: A and B are both random.', fixes: [removal(path)] }];
  },
};

const flippedExport: Rule = {
  id: 'R15',
  severity: 'info',
  title: 'fan_in_fan_out of an exported adapter',
  why: 'GPT-2 stores its weights as [in, out]; an adapter_config.json that says otherwise is corrected by PEFT with a warning.',
  advice: 'Nothing to do: exports say true for GPT-2 and false for other families.',
  // The export holds this; its tests compare the written config with PEFT's.
  check: () => [],
};

const highDropout: Rule = {
  id: 'R16',
  severity: 'warning',
  title: 'High LoRA dropout',
  why: 'Recipes use 0 to 0.1 (QLoRA); from 0.3 on most of the signal to the small matrices is noise.',
  advice: 'Use at most 0.1.',
  check: ({ lowRank }) => {
    const path = ['method', 'lora_dropout'];
    const dropout = lowRank?.method.lora_dropout ?? 0;
    if (dropout < 0.3) return [];
    return [{ path, message: `lora_dropout ${dropout} is high; 0 to 0.1 is usual.`, fixes: [setting(path, 0.1)] }];
  },
};

const idleRank: Rule = {
  id: 'R17',
  severity: 'info',
  title: 'High rank on little data',
  why: 'Fewer than a thousand rows do not fill an adapter of rank 64; it costs memory and overfits sooner.',
  advice: 'Use rank 8 to 16.',
  check: context => {
    const { lowRank, rows } = context;
    if (lowRank === undefined || rows === undefined || rows >= 1000) return [];
    const { rankKey, rank, growth } = lowRank;
    if (rank * growth < 64) return [];
    const message = `Rank ${rank * growth} is more than ${rows} rows can fill.`;
    return [{ path: atOrType(context, ['method', rankKey]), message, fixes: [rankFix(lowRank, 16)] }];
  },
};

export const loraStructureRules: readonly Rule[] = [
  aboveFullRank,
  asLargeAsFull,
  oddScale,
  doubleScale,
  otherAdapter,
  randomStart,
  flippedExport,
  highDropout,
  idleRank,
];
