import * as vscode from 'vscode';
import { stepPlan } from '../common/config/plan';
import type { ConfigPath } from '../common/config/range';
import { savedHere } from '../common/config/savedHere';
import type { RunConfig } from '../common/config/schema';
import type { ConfigAnalysis } from './analysis';
import { configSelector } from './selector';

/**
 * What follows from the keys, behind the keys it follows from: effective batch, trainable parameters, steps an epoch, and
 * the memory that a technique saves.
 */
export function registerInlayHints(analysis: ConfigAnalysis): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const provider: vscode.InlayHintsProvider = {
    onDidChangeInlayHints: changed.event,
    provideInlayHints: (document, range) => {
      const found = hints(analysis, document).filter(({ position }) => range.contains(position));
      return found;
    },
  };
  return vscode.Disposable.from(
    changed,
    analysis.onDidChange(() => changed.fire()),
    vscode.languages.registerInlayHintsProvider(configSelector, provider),
  );
}

function hints(analysis: ConfigAnalysis, document: vscode.TextDocument): vscode.InlayHint[] {
  const parsed = analysis.parsed(document);
  const config = parsed.value;
  if (config === undefined) return [];
  return hintTexts(config, analysis, document).flatMap(({ paths, text, tooltip }) => {
    const place = paths.map(path => parsed.locate(path)).find(range => range !== undefined);
    if (place === undefined) return [];
    const hint = new vscode.InlayHint(document.positionAt(place.end), text);
    hint.paddingLeft = true;
    hint.tooltip = tooltip;
    return [hint];
  });
}

interface HintText {
  /** The first of these that is written carries the hint. */
  readonly paths: readonly ConfigPath[];
  readonly text: string;
  readonly tooltip: string;
}

function hintTexts(config: RunConfig, analysis: ConfigAnalysis, document: vscode.TextDocument): HintText[] {
  const facts = analysis.facts(document);
  const rows = facts.data?.train?.problem === undefined ? facts.data?.train?.rows : undefined;
  const forecast = facts.forecast?.(config);
  const counts = forecast === undefined || 'problem' in forecast ? undefined : forecast;
  return [
    batchHint(config),
    ...stepHints(config, rows),
    ...(counts === undefined ? [] : [parameterHint(counts)]),
    ...savedHere(config, facts).map(({ path, text }) => ({
      paths: [path],
      text,
      tooltip: vscode.l10n.t('GPU memory against the same run without it'),
    })),
  ];
}

function batchHint(config: RunConfig): HintText {
  const training = (key: string) => ['training', key];
  return {
    paths: [training('gradient_accumulation_steps'), training('per_device_train_batch_size')],
    text: vscode.l10n.t('= {0} rows a step', stepPlan(config).effectiveBatch),
    tooltip: vscode.l10n.t('per_device_train_batch_size × gradient_accumulation_steps'),
  };
}

function stepHints(config: RunConfig, rows: number | undefined): HintText[] {
  const { stepsPerEpoch, totalSteps, epochs } = stepPlan(config, rows);
  if (stepsPerEpoch === undefined || totalSteps === undefined || epochs === undefined) return [];
  const isBySteps = config.training.max_steps > 0;
  const key = isBySteps ? 'max_steps' : 'num_train_epochs';
  const text = isBySteps
    ? vscode.l10n.t('= {0} epochs of {1} steps', Number(epochs.toPrecision(2)), stepsPerEpoch)
    : vscode.l10n.t('= {0} steps, {1} an epoch', totalSteps, stepsPerEpoch);
  return [
    {
      paths: [
        ['training', key],
        ['data', 'train'],
      ],
      text,
      tooltip: vscode.l10n.t('{0} training rows', rows ?? 0),
    },
  ];
}

function parameterHint({
  trainableParameters: trained,
  totalParameters: total,
}: {
  trainableParameters: number;
  totalParameters: number;
}): HintText {
  const percent = ((100 * trained) / total).toPrecision(3);
  return {
    paths: [
      ['method', 'r'],
      ['method', 'type'],
    ],
    text: vscode.l10n.t('{0} trainable ({1} %)', trained.toLocaleString('en'), percent),
    tooltip: vscode.l10n.t('of {0} parameters in all', total.toLocaleString('en')),
  };
}
