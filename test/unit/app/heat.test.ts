import assert from 'node:assert/strict';
import fc from 'fast-check';
import { contrast, divergingRamp, heatRamp, parseColour } from '../../../webview/app/model/heat';
import themes from '../../app/themes.json';

describe('heat colours', () => {
  it('reads every form a theme colour takes', () => {
    assert.deepEqual(parseColour('#fff'), [1, 1, 1]);
    assert.deepEqual(parseColour('#ff000080'), [1, 0, 0]);
    assert.deepEqual(parseColour('rgb(0, 255, 0)'), [0, 1, 0]);
    assert.deepEqual(parseColour('rgba(0 0 255 / 0.5)'), [0, 0, 1]);
    assert.deepEqual(parseColour('color(srgb 0.25 0.5 0.75)'), [0.25, 0.5, 0.75]);
    assert.deepEqual(parseColour('chartreuse'), [0.5, 0.5, 0.5]);
  });

  it('measures contrast as WCAG does', () => {
    assert.equal(Math.round(contrast([0, 0, 0], [1, 1, 1])), 21);
    assert.equal(contrast([0.3, 0.3, 0.3], [0.3, 0.3, 0.3]), 1);
  });

  for (const [name, card, peak, inks] of [
    ['dark', '#181818', '#59a4f9', ['#cccccc', '#1f1f1f']],
    ['light', '#f8f8f8', '#0063d3', ['#3b3b3b', '#ffffff']],
  ] as const) {
    it(`runs evenly from card to peak and stays readable in the ${name} theme`, () => {
      const colour = heatRamp(card, peak, inks);
      assert.deepEqual(
        parseColour(colour(1).background).map(value => Math.round(value * 255)),
        hex(peak),
      );
      const shares = Array.from({ length: 21 }, (_, i) => i / 20);
      const fromCard = shares.map(share => contrast(parseColour(colour(share).background), parseColour(card)));
      assert.ok(fromCard.every((value, i) => i === 0 || value > fromCard[i - 1]));
      for (const share of shares) {
        const { background, ink } = colour(share);
        assert.ok(contrast(parseColour(background), parseColour(ink)) >= 4.5, `${share}: ${background} ${ink}`);
      }
    });
  }

  for (const [name, { colours }] of Object.entries(themes)) {
    it(`writes readable numbers in every cell of the ${name} theme`, () => {
      const card = colours['sideBar-background'];
      const inks = [colours.foreground, colours['editor-background']] as const;
      const peaks = [colours['symbolIcon-classForeground'], colours['charts-blue']] as const;
      for (const ramp of [heatRamp(card, peaks[1], inks), divergingRamp(card, peaks, inks)])
        fc.assert(fc.property(fc.double({ min: 0, max: 1, noNaN: true }), share => readable(ramp(share))));
    });
  }

  it('writes readable numbers whatever the colours of a theme are', () => {
    const colour = fc.integer({ min: 0, max: 0xffffff }).map(value => `#${value.toString(16).padStart(6, '0')}`);
    fc.assert(
      fc.property(
        colour,
        colour,
        colour,
        colour,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (card, peak, a, b, share) => readable(heatRamp(card, peak, [a, b])(share)),
      ),
    );
  });

  it('takes the ink of the theme where that can be read', () => {
    assert.equal(heatRamp('#181818', '#59a4f9', ['#cccccc', '#1f1f1f'])(0).ink, '#cccccc');
    assert.equal(heatRamp('#181818', '#59a4f9', ['#cccccc', '#1f1f1f'])(1).ink, '#1f1f1f');
  });

  it('leaves the card in both directions from no change', () => {
    const ramp = divergingRamp('#181818', ['#ee9d28', '#59a4f9'], ['#cccccc', '#1f1f1f']);
    assert.equal(ramp(0.5).background, heatRamp('#181818', '#59a4f9', ['#cccccc', '#1f1f1f'])(0).background);
    assert.deepEqual(
      [ramp(0), ramp(1)].map(({ background }) => toBytes(background)),
      [hex('#ee9d28'), hex('#59a4f9')],
    );
  });
});

function readable({ background, ink }: { background: string; ink: string }): boolean {
  return contrast(parseColour(background), parseColour(ink)) >= 4.5;
}

function toBytes(colour: string): number[] {
  return parseColour(colour).map(value => Math.round(value * 255));
}

function hex(colour: string): number[] {
  return [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));
}
