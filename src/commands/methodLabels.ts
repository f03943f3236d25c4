import * as vscode from 'vscode';
import type { MethodChoice } from '../common/config/methodChoices';

/** What methods are called in lists. */
export function methodLabels(): Readonly<Record<MethodChoice, string>> {
  const { t } = vscode.l10n;
  return {
    'few-shot': t('Few-shot prompting'),
    full: t('Full fine-tuning'),
    lora: 'LoRA',
    qlora: t('QLoRA (LoRA on an nf4 base)'),
    adalora: 'AdaLoRA',
    weightlora: 'WeightLoRA',
    'weightlora+': 'WeightLoRA+',
    bottleneck: t('Bottleneck adapters'),
    prefix: t('Prefix-tuning'),
    'p-tuning': 'P-tuning',
    'p-tuning-v2': 'P-tuning v2',
  };
}
