import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toSvg, type Picture } from '../../../webview/tradeoff/svg';
import { moved, zoomed } from '../../../webview/tradeoff/zoom';

const picture: Picture = {
  title: 'a < b & "c"',
  width: 400,
  height: 300,
  area: { left: 50, top: 10, right: 390, bottom: 250 },
  x: {
    title: 'Size',
    ticks: [
      { pixel: 50, label: '0' },
      { pixel: 390, label: '10M' },
    ],
  },
  y: { title: 'Perplexity', ticks: [{ pixel: 250, label: '30' }] },
  series: [
    {
      label: 'family',
      color: '#0072b2',
      dashes: [],
      width: 2,
      style: 'circle',
      joined: true,
      points: [
        { x: 60, y: 200, filled: true, name: 'member <1>' },
        { x: 90.123, y: 150, filled: false },
      ],
    },
    {
      label: 'control',
      color: '#b35c00',
      dashes: [6, 4],
      width: 1,
      style: 'triangle',
      joined: false,
      points: [{ x: 100, y: 100, filled: true }],
    },
  ],
};

describe('the drawing of a trade-off', () => {
  it('has every line, point, tick and name, as text that is escaped', () => {
    const svg = toSvg(picture);
    assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="400" height="348"/);
    assert.match(svg, /<title>a &lt; b &amp; &quot;c&quot;<\/title>/);
    assert.match(svg, /<polyline fill="none" stroke="#0072b2" stroke-width="2" points="60,200 90\.12,150"\/>/);
    assert.match(svg, /<circle cx="90\.12" cy="150" r="4\.5" fill="#ffffff" stroke="#0072b2"/);
    assert.match(svg, />member &lt;1&gt;</);
    for (const word of ['Size', 'Perplexity', '10M', '30', 'family', 'control'])
      assert.ok(svg.includes(`>${word}<`), word);
    assert.equal(svg.match(/<polyline/g)?.length, 1);
    assert.equal(svg.match(/<g/g)?.length, svg.match(/<\/g>/g)?.length);
  });
});

describe('moving on an axis', () => {
  it('zooms around a value, and moves by shares of what is shown', () => {
    assert.deepEqual(zoomed({ min: 0, max: 10 }, 2, 0.5, false), { min: 1, max: 6 });
    assert.deepEqual(moved({ min: 0, max: 10 }, 0.1, false), { min: 1, max: 11 });
  });
  it('does so by factors where the axis is logarithmic', () => {
    const near = (a: number, b: number) => Math.abs(a - b) < 1e-9 * b;
    const zoom = zoomed({ min: 1, max: 10_000 }, 100, 0.5, true);
    assert.ok(near(zoom.min, 10) && near(zoom.max, 1000));
    const move = moved({ min: 1, max: 100 }, 0.5, true);
    assert.ok(near(move.min, 10) && near(move.max, 1000));
  });
});
