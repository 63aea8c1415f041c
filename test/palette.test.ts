/** Whether runs can be told apart: by their colours, also by the colour-blind, and by what else they have. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COLORS, colorOf, freePlace, INKS, LOOKS, lookOf, PALETTE, type Theme } from '../examples/ui/palette.ts';

const test = suite('palette');

type Vector = readonly [number, number, number];
type Matrix = readonly [Vector, Vector, Vector];

const times = (matrix: Matrix, [x, y, z]: Vector): Vector => {
  const row = (i: 0 | 1 | 2) => matrix[i][0] * x + matrix[i][1] * y + matrix[i][2] * z;
  return [row(0), row(1), row(2)];
};

const each = ([x, y, z]: Vector, change: (value: number) => number): Vector => [change(x), change(y), change(z)];

/** Red, green and blue in linear light. */
function linear(hex: string): Vector {
  const channel = (at: number): number => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

/** WCAG 2's. */
function contrast(one: string, other: string): number {
  const [high, low] = [one, other]
    .map(linear)
    .map(([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue)
    .sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

/** Machado, Oliveira and Fernandes 2009, of full severity, and the eye that sees all. */
const EYES: Readonly<Record<string, Matrix>> = {
  all: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  'no red': [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  'no green': [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  'no blue': [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** Ottosson's Oklab, in which distances are what the eye makes of them. */
const CONES: Matrix = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
];
const LAB: Matrix = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
];

function distance(one: string, other: string, eye: Matrix): number {
  const [a, b] = [one, other].map((hex) => {
    const seen = each(times(eye, linear(hex)), (value) => Math.min(1, Math.max(0, value)));
    return times(LAB, each(times(CONES, seen), Math.cbrt));
  });
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

const THEMES: readonly Theme[] = ['light', 'dark'];

test('each colour can be read as text on a card, and what guides the eye can be seen', () => {
  for (const theme of THEMES) {
    for (const color of PALETTE[theme]) {
      assert.ok(contrast(color, INKS[theme].card) >= 4.5, `${theme} ${color}: ${contrast(color, INKS[theme].card)}`);
    }
    assert.ok(contrast(INKS[theme].guide, INKS[theme].card) >= 4.5, theme);
    assert.ok(contrast(INKS[theme].text, INKS[theme].card) >= 4.5, theme);
  }
});

test('no two colours are alike, whatever the eye lacks', () => {
  for (const theme of THEMES) {
    PALETTE[theme].forEach((one, i) => {
      for (const other of PALETTE[theme].slice(i + 1)) {
        for (const [name, eye] of Object.entries(EYES)) {
          // Few lack blue; for them the markers differ, too.
          const least = name === 'no blue' ? 0.05 : 0.08;
          const apart = distance(one, other, eye);
          assert.ok(apart >= least, `${theme}: ${one} and ${other} with ${name}: ${apart.toFixed(3)}`);
        }
      }
    });
  }
});

test('as many runs as there are looks look different, neighbours by more than their colour', () => {
  for (const theme of THEMES) {
    const looks = Array.from({ length: LOOKS }, (_, place) => JSON.stringify(lookOf(place, theme)));
    assert.is(new Set(looks).size, LOOKS);
  }
  assert.ok(LOOKS >= 16);
  for (let place = 0; place + COLORS < LOOKS; place++) {
    const [one, next, again] = [place, place + 1, place + COLORS].map((at) => lookOf(at, 'light'));
    assert.is.not(one.marker, next.marker);
    assert.is(one.color, again.color);
    assert.is.not(one.marker, again.marker);
    assert.is.not(one.dash, again.dash);
  }
});

test('a new run gets a look that no other has, as long as there is one', () => {
  const taken: number[] = [];
  for (let i = 0; i < LOOKS; i++) taken.push(freePlace(taken));
  assert.is(new Set(taken).size, LOOKS);
  assert.equal(taken.slice(0, 3), [COLORS - 1, COLORS - 2, COLORS - 3], 'the first colours are the study’s');
  assert.is(taken[COLORS], 2 * COLORS - 1);
  // The same run of the study again has its colour, and another dash and marker.
  assert.is(freePlace([0, 1, 2], 2), 2 + COLORS);
  assert.is(freePlace([0, 1], 2), 2);
  assert.is(freePlace([2, 2 + COLORS], 2), 2 + 2 * COLORS);
  assert.is(colorOf(freePlace([2], 2), 'dark'), colorOf(2, 'dark'));
  assert.ok(freePlace(Array.from({ length: LOOKS }, (_, i) => i)) < LOOKS);
});

test.run();
