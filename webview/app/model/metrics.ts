export interface MetricText {
  readonly label: string;
  /** What the number means, in half a sentence. */
  readonly meaning: string;
  /** How it is computed. */
  readonly formula?: string;
  /** A count or a yes and no: shown whole, its colours start at zero, its curve goes in steps. */
  readonly whole?: boolean;
}

const known: Readonly<Record<string, MetricText>> = {
  gradient_norm: {
    label: 'Gradient Iₖ',
    meaning: 'how strongly the loss pulls on each adapter',
    formula: 'Iₖ = ‖∂L/∂θₖ‖₂ over all trained numbers θₖ of adapter k',
  },
  update_norm: {
    label: 'Update ‖ΔW‖',
    meaning: 'how far each adapter has moved its matrix',
    formula: '‖ΔW‖ = s·‖B A‖ (AdaLoRA: s·‖B Λ A‖), Frobenius norm, s the scale of the update',
  },
  effective_rank: {
    label: 'Effective rank',
    meaning: 'how many directions an update really uses, from 1 to its rank',
    formula: '(Σσ²)² / Σσ⁴ over the singular values σ of B A',
  },
  score: {
    label: 'Score',
    meaning: 'how much the triplets of each matrix matter: sensitivity times uncertainty, both smoothed',
    formula: 'Σᵢ s(Λᵢ) + mean s(Aᵢ) + mean s(Bᵢ) over triplets i, with s(p) = Ī·Ū and I = |p·∂L/∂p|',
  },
  kept_rank: {
    label: 'Kept rank',
    meaning: 'triplets that the last pruning left in each matrix',
    formula: 'number of triplets whose Λᵢ is not masked',
    whole: true,
  },
  omega: {
    label: 'Weight ω',
    meaning: 'the trained weight of each adapter; a dropped one has 0',
    formula: 'y = W x + ω·s·B A x',
  },
  share: {
    label: 'Share sᵢ',
    meaning: 'the part of each adapter in all updates',
    formula: 'sᵢ = |ωᵢ|·‖Bᵢ Aᵢ‖ / Σⱼ‖Bⱼ Aⱼ‖',
  },
  kept: {
    label: 'Kept',
    meaning: 'adapters that the last selection left',
    formula: '1 where ω ≠ 0',
    whole: true,
  },
  gate_norm: {
    label: 'Gate ‖a(z)‖ / ‖z‖',
    meaning: 'how far each adapter moves what it reads; 0 is the identity',
    formula: "‖a(z)‖ / ‖z‖, Frobenius norms over the tokens of the step's last batch",
  },
  attention_mass: {
    label: 'Attention on virtual tokens',
    meaning: "the share of each head's attention that goes to the virtual tokens",
    formula: 'Σᵥ softmax(q·k / √d)ᵥ over virtual tokens v, a mean over the tokens of the last batch',
  },
  implicit_update: {
    label: 'Implicit update ‖ΔW‖',
    meaning: 'the rank-1 change of the first MLP matrix that the shots stand for, at the last token of a prompt',
    formula: '‖W·Δa‖ / ‖a‖, with a the input of the matrix without the shots and a + Δa with them',
  },
};

/** Name, meaning and formula of a metric id; an unknown id is shown as it is. */
export function metricText(metric: string): MetricText {
  return known[metric] ?? { label: metric.replaceAll('_', ' '), meaning: 'value per module and block' };
}

/** The tooltip of a metric: its meaning, then its formula. */
export function metricHint(metric: string): string {
  const { meaning, formula } = metricText(metric);
  return formula === undefined ? meaning : `${meaning}\n${formula}`;
}
