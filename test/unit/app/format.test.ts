import assert from 'node:assert/strict';
import {
  byteUnit,
  formatBytes,
  formatCount,
  formatDuration,
  formatMetric,
  formatPercent,
  formatRate,
  formatSpeed,
  formatTick,
} from '../../../webview/app/model/format';
import { toCsv } from '../../../webview/app/model/table';

/** One formatter over many values. */
function each(format: (value: number) => string, cases: Readonly<Record<string, number>>): void {
  for (const [text, value] of Object.entries(cases)) assert.equal(format(value), text);
}

describe('numbers of the dashboard', () => {
  it('shows losses with the digits that matter', () => {
    each(formatMetric, {
      '4.812': 4.8123,
      '12.35': 12.3456,
      '123.5': 123.456,
      '0.0123': 0.01234,
      '1.20e-5': 1.2e-5,
      '0': 0,
    });
    assert.equal(formatMetric(undefined), '–');
    assert.equal(formatMetric(NaN), 'NaN');
    assert.equal(formatMetric(Infinity), 'Infinity');
  });

  it('shows learning rates as people write them', () => {
    each(formatRate, { '1e-3': 1e-3, '8.4e-4': 8.42e-4, '0.5': 0.5, '0': 0 });
    assert.equal(formatRate(undefined), '–');
  });

  it('shows bytes in binary units and never with four figures before the point', () => {
    each(formatBytes, { '0': 0, '512 B': 512, '1.50 KiB': 1536, '9.10 MiB': 9.1 * 2 ** 20, '0.98 MiB': 1000 * 1024 });
    each(formatBytes, { '24.0 MiB': 24 * 2 ** 20, '312 MiB': 312 * 2 ** 20, '2.00 TiB': 2 ** 41 });
  });

  it('gives an axis one unit', () => {
    assert.deepEqual(byteUnit(16.5 * 2 ** 20), { name: 'MiB', size: 2 ** 20 });
    assert.deepEqual(byteUnit(0), { name: 'KiB', size: 1024 });
    assert.deepEqual(byteUnit(2 ** 60), { name: 'TiB', size: 2 ** 40 });
  });

  it('shows counts, shares, speeds and times', () => {
    each(formatCount, { '9,912': 9912, '98,304': 98304, '1.15 M': 1_147_008, '2.4 B': 2.4e9, '124 k': 124_400 });
    each(formatPercent, { '8.6 %': 0.0857, '100 %': 1, '0 %': 0, '0.12 %': 0.0012 });
    each(formatSpeed, { '812': 812.4, '9.4': 9.41, '12,300': 12_345 });
    each(formatDuration, { '0:42': 42_000, '12:05': 725_000, '1:02:33': 3_753_000, '0:00': -5 });
    each(formatTick, { '6': 6, '0.08': 0.08, '2.5': 2.5, '1.2e-5': 1.2e-5, '1e+6': 1e6, '0': 0 });
  });

  it('quotes what CSV needs quoted', () => {
    const columns = ['a', 'b'].map(label => ({ label, numeric: false }));
    const rows = [
      ['plain', 'comma, here'],
      ['say "so"', 'two\nlines'],
    ];
    assert.equal(toCsv({ caption: '', columns, rows }), 'a,b\r\nplain,"comma, here"\r\n"say ""so""","two\nlines"\r\n');
  });
});
