/** How the interactive chart is zoomed into, read off, read aloud, labelled and saved: the parts that need no browser. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CurveRun,
  curvesOf,
  emptyTrack,
  FIRST_VIEW,
  type RunReading,
  shifted,
  type Track,
  type View,
  valueBounds,
  zoomed,
} from '../examples/ui/curve.ts';
import { fileName } from '../examples/ui/download.ts';
import { fitted } from '../examples/ui/fitted.ts';
import { formatTick } from '../examples/ui/format.ts';
import { markerPath } from '../examples/ui/marker.ts';
import { MARKERS } from '../examples/ui/palette.ts';
import { boxAt, CORNERS, type Line, quietCorner } from '../examples/ui/readingPlace.ts';
import { spoken } from '../examples/ui/spoken.ts';

const test = suite('chart');

const track = (accuracy: readonly number[]): Track => ({
  step: accuracy.map((_, i) => 10 * (i + 1)),
  epoch: accuracy.map((_, i) => i + 1),
  seconds: accuracy.map((_, i) => i + 1),
  loss: accuracy.map((value) => 3 - value),
  accuracy,
  learning_rate: accuracy.map(() => 0.001),
});

const run = (name: string, part: Partial<CurveRun> = {}): CurveRun => ({
  id: name,
  name,
  color: 0,
  visible: true,
  training: emptyTrack(),
  validation: emptyTrack(),
  epochs: 10,
  brokenAt: null,
  ...part,
});

const VIEW: View = { ...FIRST_VIEW, smoothing: 0 };

test('zooming keeps the place under the pointer, and never leaves the axis', () => {
  assert.equal(zoomed([0, 10], 0.5, 4, 10), [2, 7]);
  assert.equal(zoomed([0, 10], 0.5, 0, 10), [0, 5]);
  assert.equal(zoomed([0, 10], 0.5, 10, 10), [5, 10]);
  assert.equal(zoomed([5, 10], 1.5, 10, 10), [2.5, 10]);
  assert.is(zoomed([2, 7], 2, 4, 10), null, 'all of it');
  const [low, high] = zoomed([4, 4.01], 0.001, 4, 10) ?? [0, 0];
  assert.ok(high - low >= 0.02 - 1e-9 && low >= 0, 'not to nothing');
  assert.equal(shifted([2, 4], 3, 10), [5, 7]);
  assert.equal(shifted([2, 4], 30, 10), [8, 10]);
  assert.equal(shifted([2, 4], -30, 10), [0, 2]);
});

test('a part of the axis is shown with the values that it holds, and the ends of lines that lead to it', () => {
  const curves = curvesOf([run('one', { validation: track([0.1, 0.5, 0.52, 0.54, 0.9]) })], VIEW);
  const [low, high] = valueBounds(curves, VIEW, [2.5, 3.5]);
  assert.ok(low > 0.45 && low < 0.5, `from ${low}`);
  assert.ok(high > 0.54 && high < 0.6, `to ${high}`);
  // Between two readings there is still a line.
  const [from, to] = valueBounds(curves, VIEW, [1.2, 1.4]);
  assert.ok(from < 0.1 && to > 0.5);
  // Behind the last there is nothing: as without a zoom.
  for (const metric of ['accuracy', 'loss', 'learning_rate'] as const) {
    for (const log of [false, true]) {
      const bounds = valueBounds([], { ...VIEW, metric, log }, [1, 2]);
      assert.ok(bounds[0] < bounds[1] && bounds.every(Number.isFinite), `${metric} ${log}`);
    }
  }
  const flat = curvesOf([run('flat', { validation: track([0, 0, 0]) })], VIEW);
  const [bottom, top] = valueBounds(flat, VIEW, [1, 2]);
  assert.ok(bottom < top, 'also where all values are 0');
});

test('the box of readings goes where no line is and the pointer is not', () => {
  const plot = { width: 600, height: 300 };
  const size = { width: 150, height: 90 };
  const level = (y: number): Line => [
    { x: 0, y },
    { x: 600, y },
  ];
  assert.is(quietCorner([level(20), level(60)], size, plot, 500, null), 'bottom left');
  assert.is(quietCorner([level(280)], size, plot, 100, null), 'top right');
  assert.is(quietCorner([], size, plot, 500, 'bottom left'), 'bottom left', 'it stays where it is');
  assert.is(quietCorner([], size, plot, 100, 'bottom left'), 'top right', 'it makes way');
  const gap: Line = [{ x: 0, y: 20 }, null, { x: 600, y: 20 }];
  assert.is(quietCorner([gap], size, plot, 500, 'top left'), 'top left', 'there is no line in a gap');
  for (const corner of CORNERS) {
    const { left, top, width, height } = boxAt(corner, size, plot);
    assert.ok(left >= 0 && top >= 0 && left + width <= plot.width && top + height <= plot.height, corner);
  }
});

test('readings are read aloud with what they are of, and how a run ended', () => {
  const row = (part: Partial<RunReading>): RunReading => ({ run: run('a'), control: false, endedAt: null, ...part });
  assert.is(
    spoken(
      [
        row({ validation: 0.5, training: 0.61 }),
        row({ run: run('b', { interrupted: true }), validation: null, endedAt: 1.4 }),
        row({ run: run('c'), control: true, validation: 0.2, endedAt: 2 }),
      ],
      3.25,
      VIEW,
    ),
    'epoch 3.3. a: validation 50.0 %, training 61.0 %. b: validation no number, cut off at epoch 1.4. ' +
      'c, control: 20.0 %, ended at epoch 2.',
  );
  assert.is(
    spoken([row({ training: 0.001 })], 1234, { ...VIEW, metric: 'learning_rate', axis: 'step' }),
    'step 1,234. a: 0.001.',
  );
  assert.match(spoken(Array(20).fill(row({ validation: 0.1 })), 1, VIEW), /and 14 more\.$/);
});

test('a name without room loses letters, not their width', () => {
  const ctx = { measureText: (text: string) => ({ width: 7 * [...text].length }) as TextMetrics };
  assert.is(fitted(ctx, 'baseline', 80), 'baseline');
  assert.is(fitted(ctx, 'a very long name of a run', 80), 'a very lon…');
  assert.is(fitted(ctx, 'a very long name of a run', 80, ' ×'), 'a very l… ×');
  assert.is(fitted(ctx, '👩‍🔬👩‍🔬👩‍🔬', 1), '👩…', 'no half of a letter');
});

test('the names of files are such that every system takes them', () => {
  assert.is(fileName('rate 0.001, batch 32.safetensors'), 'rate 0.001, batch 32.safetensors');
  assert.is(fileName('../a/b\\c:d*?"<>|\u0001.csv'), '-a-b-c-d-.csv');
  assert.is(fileName('  .csv'), 'wgrad.csv');
  assert.is(fileName(`${'x'.repeat(300)}.json`).length, 105);
});

test('ticks are as long as they need to be, whatever the language of the browser', () => {
  assert.equal([0, 0.1 + 0.2, 1000, 12_500, 1.5].map(formatTick), ['0', '0.3', '1,000', '12,500', '1.5']);
});

test('markers are closed shapes of their own', () => {
  const shapes = MARKERS.map((marker) => markerPath(marker, 10, 20, 3));
  assert.is(new Set(shapes).size, MARKERS.length);
  for (const shape of shapes) assert.match(shape, /^M[\d.]+ [\d.]+.*z$/);
});

test.run();
