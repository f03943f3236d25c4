import assert from 'node:assert/strict';
import type { RunView } from '../../../src/common/run/view';
import { budgetCurve, budgetText } from '../../../webview/app/model/budget';
import { cellLook } from '../../../webview/app/model/cells';
import { fatesAt, fateText } from '../../../webview/app/model/fates';
import { heatRamp } from '../../../webview/app/model/heat';
import { framesOf, metricsOf } from '../../../webview/app/model/importance';
import { fatesText, importanceCsvTable, importanceSummary } from '../../../webview/app/model/importanceText';
import { mapPicture } from '../../../webview/app/model/mapPicture';
import { mapsOf, scaleEnds, type MapSources } from '../../../webview/app/model/maps';
import { metricText } from '../../../webview/app/model/metrics';
import { toSvg } from '../../../webview/app/model/picture';
import { aroundCut, pruningText, rankingAt, rankingTable, tripletTable } from '../../../webview/app/model/triplets';
import { viewOf, type RunShape } from '../../app/fixtures';

const run = (method: NonNullable<RunShape['method']>): RunView =>
  viewOf({ name: 'run', steps: 200, done: 200, blocks: 4, method, state: 'completed' });

/** Two adapters over four reports: one kept throughout, one dropped, back, and dropped again. */
function flickering(): RunView {
  const view = run('weightlora');
  view.importance = [1, 0, 1, 0].map((kept, i) => ({
    step: 10 * (i + 1),
    tables: [
      { metric: 'omega', modules: ['q_proj'], blocks: [0, 1], values: [[1.5, kept * 0.5]] },
      { metric: 'kept', modules: ['q_proj'], blocks: [0, 1], values: [[1, kept]] },
    ],
    budget: { planned: 1, actual: 1 + kept },
  }));
  return view;
}

const colours = { card: '#181818', foreground: '#cccccc', dim: '#989898', line: '#2b2b2b', fontFamily: 'sans-serif' };
const sources = (view: RunView): MapSources => ({
  ramp: heatRamp('#181818', '#59a4f9', ['#cccccc', '#1f1f1f']),
  diverging: share => ({ background: `share ${share}`, ink: '' }),
  fates: step => fatesAt(view, step),
});

describe('what becomes of adapters', () => {
  it('tells dropped ones from those that came back', () => {
    const view = flickering();
    const at = (step: number): string | undefined => {
      const fate = fatesAt(view, step)?.of('q_proj', 1);
      return fate && `${fateText(fate)}, ${fate.returns} returns`;
    };
    assert.equal(at(5), undefined);
    assert.equal(at(10), 'kept, 0 returns');
    assert.equal(at(25), 'dropped since step 20, 0 returns');
    assert.equal(at(30), 'kept again since step 30, 1 returns');
    assert.equal(at(99), 'dropped since step 40, 1 returns');
    assert.equal(fatesAt(view, 99)?.of('q_proj', 0)?.fate, 'kept');
    const middle = fatesAt(view, 30);
    assert.ok(middle);
    assert.equal(fatesText(middle), '2 of 2 adapters kept, 1 of them after it had been dropped.');
  });

  it('is not asked of methods that drop nothing', () => {
    for (const method of ['lora', 'bottleneck', 'prefix'] as const) assert.equal(fatesAt(run(method), 200), undefined);
    assert.equal(fatesAt(run('weightlora'), 200)?.kept, 7);
    assert.ok((fatesAt(run('adalora'), 200)?.returned ?? 0) > 0);
  });

  it('shows in a cell without its colour, and does not stretch the colours of the others', () => {
    const view = flickering();
    const frames = framesOf(view, 'omega');
    const [map] = mapsOf({ frames, frame: frames[1], difference: false, range: 'step' }, sources(view));
    assert.deepEqual(map.extent, { min: 1.5, max: 1.5 });
    const dropped = cellLook(map, 0, 1);
    assert.equal(dropped.fate, 'dropped');
    assert.equal(dropped.background, undefined);
    assert.match(dropped.label, /^q_proj, block 1: 0, dropped since step 20$/);
    assert.ok(cellLook(map, 0, 0).background);
  });
});

describe('budgets', () => {
  it('follows planned and actual over the reports', () => {
    const curve = budgetCurve(flickering());
    assert.ok(curve);
    assert.deepEqual(curve.actual, [2, 1, 2, 1]);
    assert.equal(budgetText(curve, 25), '1 adapter in use, 1 planned');
    assert.equal(budgetText(curve, 5), undefined);
    assert.equal(budgetCurve(run('lora')), undefined);
  });

  it('of AdaLoRA ends at the target', () => {
    const curve = budgetCurve(run('adalora'));
    assert.ok(curve);
    assert.equal(curve.unit, 'triplets');
    assert.deepEqual([curve.planned.at(0), curve.planned.at(-1), curve.actual.at(-1)], [168, 56, 56]);
  });
});

describe('why triplets are pruned', () => {
  const view = run('adalora');
  const ranking = rankingAt(view, 200);
  assert.ok(ranking);

  it('sorts by place and says what was kept', () => {
    assert.deepEqual(
      ranking.triplets.map(({ place }) => place),
      ranking.triplets.map((_, i) => i + 1),
    );
    const cell = { module: 'gate_proj', block: 2 };
    const table = tripletTable(ranking, cell);
    const places = table.rows.map(([place]) => parseInt(place));
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.equal(table.rows.length, 6);
    for (const [i, row] of table.rows.entries()) assert.equal(row[5], places[i] <= 56 ? 'kept' : 'pruned');
    assert.match(pruningText(ranking, cell), /^gate_proj of block 2 keeps \d of 6 triplets\. .* the 56 best of 168 /);
  });

  it('cuts a long list where pruning begins', () => {
    const around = aroundCut(ranking.triplets, 8).map(({ kept }) => kept);
    assert.deepEqual(around, [true, true, true, true, false, false, false, false]);
    assert.equal(rankingTable(ranking, 10).rows.length, 10);
    assert.match(rankingTable(ranking, 10).caption, /the first 10 of 168; the CSV has them all/);
  });

  it('takes the last report that has triplets', () => {
    const thinned = run('adalora');
    thinned.importance = thinned.importance.map(({ triplets, ...report }, i) =>
      i === 2 ? { ...report, triplets } : report,
    );
    assert.equal(rankingAt(thinned, 200)?.step, 30);
    assert.equal(rankingAt(thinned, 20), undefined);
  });

  it('is in the CSV, with the budget', () => {
    const { rows, columns } = importanceCsvTable(view);
    assert.ok(rows.every(row => row.length === columns.length));
    const count = (metric: string): number => rows.filter(row => row[0] === '200' && row[1] === metric).length;
    assert.deepEqual(['triplet_place', 'triplet_kept', 'score', 'budget_actual'].map(count), [168, 168, 28, 1]);
  });
});

describe('maps side by side', () => {
  const view = run('lora');
  const frames = framesOf(view, 'update_norm');
  const [early, late] = [frames[1], frames[10]];

  it('share their colours', () => {
    const maps = mapsOf({ frames, frame: late, pinned: early, difference: false, range: 'step' }, sources(view));
    assert.deepEqual(
      maps.map(({ frame }) => frame.step),
      [20, 110],
    );
    assert.deepEqual(maps[0].extent, maps[1].extent);
    assert.equal(maps[0].exponent, maps[1].exponent);
  });

  it('or become one map of what changed, with no change in the middle', () => {
    const [map, ...others] = mapsOf(
      { frames, frame: late, pinned: early, difference: true, range: 'step' },
      sources(view),
    );
    assert.equal(others.length, 0);
    assert.equal(map.extent.min, -map.extent.max);
    const change = Number(late.table.values[5][2]) - Number(early.table.values[5][2]);
    assert.equal(map.frame.table.values[5][2], change);
    assert.match(cellLook(map, 5, 2).text, /^\+\d/);
    assert.match(map.name, /from step 20 to step 110$/);
    assert.match(scaleEnds(map).join(' '), /^−\d.* \+\d/);
  });

  it('show whole numbers as such', () => {
    const adalora = run('adalora');
    const ranks = framesOf(adalora, 'kept_rank');
    const [map] = mapsOf({ frames: ranks, frame: ranks[0], difference: false, range: 'step' }, sources(adalora));
    assert.deepEqual(scaleEnds(map), ['0', '6']);
    assert.match(cellLook(map, 0, 0).text, /^\d$/);
  });
});

describe('the picture of a map', () => {
  it('holds every cell, name and unit, and is well-formed whatever the run is called', () => {
    for (const method of [
      'lora',
      'adalora',
      'weightlora',
      'bottleneck',
      'prefix',
      'p-tuning',
      'p-tuning-v2',
    ] as const) {
      const view = run(method);
      for (const metric of metricsOf(view)) {
        const frames = framesOf(view, metric);
        const frame = frames[frames.length - 1];
        const maps = mapsOf({ frames, frame, difference: false, range: 'step' }, sources(view));
        const picture = mapPicture(maps, { title: '<a> & "b"\u0000', notes: [metricText(metric).meaning] }, colours);
        const svg = toSvg(picture);
        assert.ok(!svg.includes('<a>') && !svg.includes('\u0000'));
        assert.match(svg, /^<svg [^>]*width="\d+"/);
        const cells = picture.shapes.filter(shape => shape.kind === 'text' && shape.anchor === 'middle');
        assert.equal(cells.length, frame.table.modules.length * 4 + 4, `${method} ${metric}`);
        for (const shape of picture.shapes)
          if (shape.kind === 'rect') assert.ok(shape.x >= 0 && shape.x + shape.width <= picture.width);
      }
    }
  });

  it('has a sentence for those who do not see it', () => {
    const view = run('adalora');
    const frame = framesOf(view, 'score')[19];
    const text = importanceSummary(view, frame, fatesAt(view, 200));
    assert.match(
      text,
      /^Score at step 200: highest in \w+ of block \d, \S+\. \d+ of 28 adapters kept.* 56 triplets in use/,
    );
  });
});
