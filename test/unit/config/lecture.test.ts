/** The configs of the lecture, as a person opens them. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lectureFolder, readIdeas, runsOf } from '../../lecture/ideas';

const ideas = readIdeas('.');
const read = (name: string) => readFileSync(join(lectureFolder, name), 'utf8');

describe('the lecture', () => {
  it('lists every config of its folder, once and in order', () => {
    const files = readdirSync(lectureFolder).filter(name => name.endsWith('.peft.yaml'));
    assert.deepEqual(
      ideas.map(idea => `${idea.config}.peft.yaml`),
      files.sort(),
    );
    const names = ideas.flatMap(runsOf).map(run => run.name);
    assert.equal(new Set(names).size, names.length);
  });

  for (const { config, title } of ideas) {
    it(`${config} begins with three sentences, is in the README, and finds its data`, () => {
      const text = read(`${config}.peft.yaml`);
      const head = text.slice(0, text.indexOf('\nname:')).split('\n');
      assert.ok(
        head.every(line => line.startsWith('# ')),
        'the top is not all comment',
      );
      const sentences = head
        .map(line => line.slice(2))
        .join(' ')
        .match(/[^.]+(\.\d[^.]*)*\.(?= |$)/g);
      assert.equal(sentences?.length, 3, sentences?.join('|'));
      assert.ok(read('README.md').includes(`(${config}.peft.yaml)`), `README.md lacks ${title}`);
      for (const [, path] of text.matchAll(/^ {2}(?:train|eval): (\S+)/gm))
        assert.ok(existsSync(join(lectureFolder, path)), path);
    });
  }

  it('has each idea in the walkthrough', () => {
    const { 'walkthrough.lecture.description': description } = JSON.parse(
      readFileSync('package.nls.json', 'utf8'),
    ) as Record<string, string>;
    const links = [...description.matchAll(/command:peft\.openExample\?([^)]+)\)/g)].map(([, args]) => args);
    const opened = links.map(args => (JSON.parse(decodeURIComponent(args)) as string[])[1]).filter(Boolean);
    assert.deepEqual(opened.sort(), ideas.map(idea => idea.config).sort());
  });
});
