import type { ModelFacts, ModuleFact, Selection } from '../facts';
import type { Fix } from '../edits';
import { removal, setting, type Finding, type LintContext, type Rule } from '../rule';
import { nearest } from '../suggest';

const targetPath = ['method', 'target_modules'];
/** What each family calls a module, for configs written for the other one. */
const translations: Readonly<Record<ModelFacts['family'], Readonly<Record<string, readonly string[]>>>> = {
  gpt2: {
    q_proj: ['c_attn'],
    k_proj: ['c_attn'],
    v_proj: ['c_attn'],
    o_proj: ['attn.c_proj'],
    gate_proj: ['c_fc'],
    up_proj: ['c_fc'],
    down_proj: ['mlp.c_proj'],
  },
  llama: {
    c_attn: ['q_proj', 'k_proj', 'v_proj'],
    'attn.c_proj': ['o_proj'],
    'mlp.c_proj': ['down_proj'],
    c_proj: ['o_proj', 'down_proj'],
    c_fc: ['gate_proj', 'up_proj'],
  },
};

/** The modules that get low-rank matrices on a known model. */
function selected({ lowRank, facts: { model } }: LintContext): { model: ModelFacts; selection: Selection } | undefined {
  return lowRank === undefined || model === undefined ? undefined : { model, selection: model.select(lowRank.targets) };
}

function asList(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined || typeof value === 'string' ? [] : value;
}

function isNamed(module: ModuleFact, name: string): boolean {
  return module.path === name || module.path.endsWith(`.${name}`);
}

/** Entries of the target list that name no module, with their place in the list. */
function strangers({ lowRank, facts: { model } }: LintContext): { name: string; index: number }[] {
  if (model === undefined) return [];
  return asList(lowRank?.method.target_modules)
    .map((name, index) => ({ name, index }))
    .filter(({ name }) => !model.modules.some(module => isNamed(module, name)));
}

function leaves(model: ModelFacts): string[] {
  return [...new Set(model.modules.filter(module => !module.isOutputHead).map(module => module.leaf))];
}

const matchesNothing: Rule = {
  id: 'R04',
  severity: 'error',
  title: 'A target that matches no module',
  why: 'A name that matches nothing gets no adapter. PEFT raises when nothing at all matches and is silent about the rest.',
  advice: 'Use names of this model, or all-linear.',
  check: context => {
    const known = selected(context);
    if (known === undefined) return [];
    const { model, selection } = known;
    const names = leaves(model);
    const foreign = translations[model.family];
    const unknown = strangers(context).filter(({ name }) => !Object.hasOwn(foreign, name));
    const findings = unknown.map(({ name, index }): Finding => {
      const guess = nearest(name, names);
      const message = `No module of this model is called ${name}. It has ${names.join(', ')}.`;
      return {
        path: [...targetPath, index],
        message,
        fixes: guess === undefined ? [] : [setting([...targetPath, index], guess, `Change to ${guess}`)],
      };
    });
    const allUnknown = strangers(context).length > 0;
    if (!('problem' in selection) || allUnknown || selection.problem.code === 'target.layers') return findings;
    return [{ path: targetPath, message: selection.problem.message, fixes: [setting(targetPath, 'all-linear')] }];
  },
};

const otherFamily: Rule = {
  id: 'R05',
  severity: 'error',
  title: 'Module names of another model family',
  why: 'GPT-2 has c_attn, c_proj and c_fc; Llama, Qwen2 and Mistral have q_proj, k_proj, v_proj and so on.',
  advice: 'Use the names of this family, or all-linear, which suits both.',
  check: context => {
    const { model } = context.facts;
    if (model === undefined) return [];
    const foreign = translations[model.family];
    const wrong = strangers(context).filter(({ name }) => Object.hasOwn(foreign, name));
    const translated = asList(context.lowRank?.method.target_modules).flatMap(name =>
      Object.hasOwn(foreign, name) ? foreign[name] : [name],
    );
    const fixes: Fix[] = [
      setting(targetPath, [...new Set(translated)]),
      { ...setting(targetPath, 'all-linear'), preferred: false },
    ];
    return wrong.map(({ name, index }) => {
      const message = `${name} is a module of another family; a ${model.family} model has ${foreign[name].join(', ')} in its place.`;
      return { path: [...targetPath, index], message, fixes };
    });
  },
};

const ambiguousProjection: Rule = {
  id: 'R06',
  severity: 'info',
  title: 'c_proj matches attention and MLP',
  why: 'Names match as endings, and GPT-2 calls the output projections of both attention and MLP c_proj.',
  advice: 'Write attn.c_proj or mlp.c_proj if only one is meant.',
  check: ({ lowRank, facts: { model } }) => {
    const index = asList(lowRank?.method.target_modules).indexOf('c_proj');
    if (model?.family !== 'gpt2' || index < 0) return [];
    const path = [...targetPath, index];
    const choice = (name: string): Fix => ({ ...setting(path, name, `Change to ${name}`), preferred: false });
    const message = 'c_proj matches both attn.c_proj and mlp.c_proj.';
    return [{ path, message, fixes: [choice('attn.c_proj'), choice('mlp.c_proj')] }];
  },
};

const noMlp: Rule = {
  id: 'R03',
  severity: 'warning',
  title: 'No MLP module is adapted',
  why: 'Adapting the MLP layers brings most of the gain; attention-only LoRA stays behind at equal size (TRL, "LoRA Without Regret").',
  advice: 'Use all-linear.',
  check: context => {
    const known = selected(context);
    if (known === undefined || 'problem' in known.selection) return [];
    if (known.selection.targets.some(({ module }) => module.path.includes('.mlp.'))) return [];
    const message = 'No MLP module is targeted; the MLP layers matter most.';
    return [{ path: targetPath, message, fixes: [setting(targetPath, 'all-linear')] }];
  },
};

const tiedHead: Rule = {
  id: 'R10',
  severity: 'warning',
  title: 'An adapter on a head that shares the embedding',
  why: 'The head of this model is its token embedding: merging an adapter on one changes the other (PEFT #2018, #2777).',
  advice: 'Take the head out of the targets.',
  check: context => {
    const known = selected(context);
    if (known === undefined || 'problem' in known.selection || !known.model.tiedEmbeddings) return [];
    const head = known.selection.targets.find(({ module }) => module.isOutputHead)?.module;
    if (head === undefined) return [];
    const kept = asList(context.lowRank?.method.target_modules).filter(name => !isNamed(head, name));
    const fixes =
      kept.length > 0 ? [setting(targetPath, kept, `Remove ${head.leaf}`)] : [setting(targetPath, 'all-linear')];
    return [{ path: targetPath, message: `${head.leaf} shares its weight with the token embedding.`, fixes }];
  },
};

const targetedAndExcluded: Rule = {
  id: 'R11',
  severity: 'warning',
  title: 'A module both targeted and excluded or trained as a whole',
  why: 'An exclusion, and modules_to_save, win without a word, as they do in PEFT.',
  advice: 'Keep the module in one of the lists.',
  check: ({ lowRank }) => {
    const excluded = asList(lowRank?.method.exclude_modules);
    const saved = lowRank?.method.modules_to_save ?? [];
    const targets = asList(lowRank?.method.target_modules);
    const isOut = (name: string) => excluded.includes(name) || saved.includes(name);
    const kept = targets.filter(name => !isOut(name));
    return targets.flatMap((name, index) => {
      if (!isOut(name)) return [];
      const list = excluded.includes(name) ? 'exclude_modules' : 'modules_to_save';
      const fixes = kept.length > 0 ? [setting(targetPath, kept, `Remove ${name} from target_modules`)] : [];
      return [{ path: [...targetPath, index], message: `${name} is also in ${list} and gets no adapter.`, fixes }];
    });
  },
};

const wrongLayers: Rule = {
  id: 'R12',
  severity: 'error',
  title: 'Block numbers that do not work',
  why: 'A block that does not exist matches nothing; and PEFT refuses layers_to_transform beside a target_modules text.',
  advice: 'Name blocks of this model, and list the modules.',
  check: context => {
    const { lowRank, facts } = context;
    const path = ['method', 'layers_to_transform'];
    const { layers_to_transform: blocks, target_modules: targets } = lowRank?.method ?? {};
    if (blocks === undefined) return [];
    if (typeof targets === 'string') {
      const message = 'layers_to_transform needs target_modules to be a list of names.';
      return [{ path, message, fixes: facts.model === undefined ? [] : [setting(targetPath, leaves(facts.model))] }];
    }
    const layers = facts.model?.layers ?? Infinity;
    const wanted = [blocks].flat();
    const beyond = wanted.filter(block => block >= layers);
    if (beyond.length === 0) return [];
    const kept = wanted.filter(block => block < layers);
    const message = `The model has blocks 0 to ${layers - 1}; there is no block ${beyond.join(', ')}.`;
    return [{ path, message, fixes: [kept.length > 0 ? setting(path, kept) : removal(path)] }];
  },
};

const deadPattern: Rule = {
  id: 'R13',
  severity: 'warning',
  title: 'A pattern that matches no module',
  why: 'A rank or alpha for a module that does not exist is ignored without a word, and the default is used.',
  advice: 'Use names of targeted modules.',
  check: context => {
    const known = selected(context);
    if (known === undefined || 'problem' in known.selection) return [];
    const names = leaves(known.model);
    const { unmatched } = known.selection;
    return (['rank_pattern', 'alpha_pattern'] as const).flatMap(key =>
      unmatched[key].map((pattern): Finding => {
        const path = ['method', key, pattern];
        const guess = nearest(pattern, names);
        const rename: Fix[] =
          guess === undefined
            ? []
            : [{ title: `Rename to ${guess}`, edits: [{ op: 'rename', path, key: guess }], preferred: true }];
        const message = `${key}: no targeted module matches ${pattern}.`;
        return { path, part: 'key', message, fixes: [...rename, removal(path, rename.length === 0)] };
      }),
    );
  },
};

export const loraTargetRules: readonly Rule[] = [
  noMlp,
  matchesNothing,
  otherFamily,
  ambiguousProjection,
  tiedHead,
  targetedAndExcluded,
  wrongLayers,
  deadPattern,
];
