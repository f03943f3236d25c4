/** Configs that cannot run: marked while they are open, refused with a place and a next step, and no run is made. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { openFile, runCommand, waitForNotification, waitForProblem } from '../workbench/driver';
import { packagedExtension } from '../workbench/example';
import { readRuns } from '../workbench/runs';
import { shortConfig } from './configs';
import { useStage } from './stage';

interface Case {
  readonly title: string;
  readonly file: string;
  readonly text: string;
  /** What the Problems panel says. */
  readonly problem: RegExp;
  /** What the refusal says. */
  readonly refusal: RegExp;
}

const good = shortConfig(8).replace('data/short.eval.jsonl', 'data/devil.eval.jsonl');

const cases: readonly Case[] = [
  {
    title: 'a misspelt key',
    file: 'misspelt.peft.yaml',
    text: good.replace('lora_alpha', 'lora_alhpa'),
    problem: /lora_alpha/,
    refusal: /lora_alhpa/,
  },
  {
    title: 'a value of the wrong type',
    file: 'type.peft.yaml',
    text: good.replace('learning_rate: 2.0e-3', 'learning_rate: fast'),
    problem: /learning_rate/,
    refusal: /learning_rate/,
  },
  {
    title: 'a data file that does not exist',
    file: 'data.peft.yaml',
    text: good.replace('data/devil.train.jsonl', 'data/nothing.jsonl'),
    problem: /nothing\.jsonl/,
    refusal: /nothing\.jsonl/,
  },
  {
    title: 'broken YAML',
    file: 'broken.peft.yaml',
    text: `${good}method: [1,\n`,
    problem: /Not valid YAML: Flow sequence/,
    refusal: /broken\.peft\.yaml/,
  },
];

describe('bad configs', () => {
  const stage = useStage({ vsix: [packagedExtension()] }, 'share');
  let page: Page;
  let workspace: string;

  before('a window with all of them', async () => {
    ({ page, workspace } = await stage().open(Object.fromEntries(cases.map(({ file, text }) => [file, text]))));
  });

  for (const { title, file, problem, refusal } of cases) {
    it(title, async () => {
      await openFile(page, file);
      await waitForProblem(page, problem);
      await openFile(page, file);
      await runCommand(page, 'PEFT: Run This Config');
      await waitForNotification(page, refusal);
      assert.equal(readRuns(workspace).length, 0);
    });
  }
});
