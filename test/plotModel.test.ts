/** plotModel: which boxes there are, what they say, what the arrows connect, and where all of it lies. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Activation,
  Add,
  ArgumentError,
  BatchNormalization,
  type CallContext,
  Concatenate,
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  input,
  Layer,
  type LayerConfig,
  Model,
  Sequential,
  StateError,
  type Tensor,
} from '../src/index.ts';
import { type Area, placeGraph } from '../src/pictures/graphLayout.ts';
import { plotModel } from '../src/pictures/index.ts';
import { type Box, modelGraph } from '../src/pictures/modelGraph.ts';
import type { Picture } from '../src/pictures/picture.ts';
import { rejects } from './interruption.ts';

/** relu(x + b(relu(a(x)))), of which the layer computes relu and the sum itself. */
class Residual extends Layer {
  static override readonly name = 'Residual';
  readonly className = 'Residual';
  readonly a = new Conv2D(2, 3, { padding: 'same' });
  readonly b = new Conv2D(2, 3, { padding: 'same' });

  call(x: Tensor, { apply }: CallContext): Tensor {
    return x.add(apply(this.b, apply(this.a, x).relu())).relu();
  }

  config(): LayerConfig {
    return {};
  }
}

/** Holds a block, and gives what that gives. */
class Stage extends Layer {
  static override readonly name = 'Stage';
  readonly className = 'Stage';
  readonly block = new Residual();

  call(x: Tensor, { apply }: CallContext): Tensor {
    return apply(this.block, x);
  }

  config(): LayerConfig {
    return {};
  }
}

const row = (): Sequential =>
  new Sequential([
    new Conv2D(4, 3, { inputShape: [8, 8, 3], trainable: false, activation: 'relu' }),
    new BatchNormalization(),
    new Flatten(),
    new Dropout(0.5),
    new Dense(10, { name: 'last' }),
  ]);

/** Two inputs, two outputs, a branch that gives what it gets, a layer that is applied twice. */
function branches() {
  const [left, right] = [input([4], { name: 'left' }), input([4], { name: 'right' })];
  const shared = new Dense(4, { name: 'shared' });
  const a = shared.apply(left);
  const dropped = new Dropout(0.5).apply(a);
  const beside = new Dense(4, { name: 'beside' }).apply(a);
  const sum = new Add().apply([dropped, beside]);
  const both = new Concatenate().apply([sum, shared.apply(right)]);
  return new Model({ inputs: [left, right], outputs: { kind: new Dense(3, { name: 'head' }).apply(both), sum } });
}

function nested() {
  const x = input([6, 6, 2]);
  const tower = new Sequential([new Flatten({ inputShape: [6, 6, 2] }), new Dense(3)], { name: 'tower' });
  tower.trainable = false;
  const y = new Stage().apply(new Residual().apply(x));
  return new Model({ inputs: x, outputs: tower.apply(y) });
}

const nameOf = (box: Box): string =>
  box.kind === 'layer' ? box.placed.name : box.kind === 'operations' ? box.names.join('+') : `${box.kind} ${box.name}`;

const arrowsOf = (model: Sequential | Model, expand = false): string[] =>
  modelGraph(model.networkFor('test'), expand).arrows.map(({ from, to }) => `${nameOf(from)} > ${nameOf(to)}`);

const wordsOf = ({ svg }: Picture): string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, word]) => word);

const countOf = ({ svg }: Picture, pattern: RegExp): number => [...svg.matchAll(pattern)].length;

/** The frames of a picture, the page aside: those of clusters come first. */
const framesOf = ({ svg }: Picture): Area[] =>
  [...svg.matchAll(/<rect x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)" rx/g)].map((match) => {
    const [x, y, width, height] = match.slice(1).map(Number);
    return { x: x + width / 2, y: y + height / 2, width, height };
  });

/** How far apart two areas are: negative where they overlap. */
const apart = (a: Area, b: Area): number =>
  Math.max(
    Math.abs(a.x - b.x) - (a.width + b.width) / 2, //
    Math.abs(a.y - b.y) - (a.height + b.height) / 2,
  );

const test = suite('plotModel');

test('a row: a box a layer, with class, name, shapes and parameters; frozen ones say so', async () => {
  const picture = await plotModel(row());
  const words = wordsOf(picture);
  // Four by three by three by three and four biases are frozen; eight are averages.
  assert.match(words.join(' '), /^Sequential: 1,578 parameters, 1,458 trainable Input/);
  const first = words.indexOf('Input');
  assert.equal(words.slice(first, first + 6), [
    'Input',
    '[8, 8, 3]',
    'Conv2D',
    'conv2d',
    '[8, 8, 3] → [6, 6, 4]',
    '112 parameters, frozen',
  ]);
  assert.equal(words.slice(-5), ['last', '[144] → [10]', '1,450 parameters', 'Output', '[10]']);
  assert.is(countOf(picture, /stroke-dasharray/g), 1);
  assert.is(countOf(picture, /fill="none"/g), 6, 'arrows');
  assert.equal(arrowsOf(row()), [
    'Input input > conv2d',
    'conv2d > batch_normalization',
    'batch_normalization > flatten',
    'flatten > dropout',
    'dropout > last',
    'last > Output output',
  ]);
});

test('options leave out and add', async () => {
  const options = { showShapes: false, showLayerNames: false, showTrainable: false, showLayerActivations: true };
  const bare = await plotModel(row(), { ...options, title: '' });
  assert.equal(wordsOf(bare), [
    ...['Input', 'Conv2D', 'relu', '112 parameters', 'BatchNormalization', '16 parameters'],
    ...['Flatten', 'Dropout', 'Dense', '1,450 parameters', 'Output'],
  ]);
  assert.is(countOf(bare, /stroke-dasharray/g), 0);
  assert.is(wordsOf(await plotModel(row(), { title: 'Mine & yours' }))[0], 'Mine &amp; yours');
  const [down, across] = [await plotModel(row()), await plotModel(row(), { rankDir: 'LR' })];
  assert.ok(down.height > down.width && across.width > across.height);
  const [first, second] = framesOf(across);
  assert.ok(first.x + first.width / 2 < second.x - second.width / 2 && Math.abs(first.y - second.y) < 1);
});

test('a graph: arrows are what layers read, also where one gives what it got', async () => {
  assert.equal(arrowsOf(branches()).sort(), [
    'Input left > shared',
    'Input right > shared',
    'add > Output sum',
    'add > concatenate',
    'beside > add',
    'concatenate > head',
    'dropout > add',
    'head > Output kind',
    'shared > beside',
    'shared > concatenate',
    'shared > dropout',
  ]);
  const words = wordsOf(await plotModel(branches()));
  assert.is(words.filter((word) => word === '20 parameters, shared').length, 2);
  assert.ok(words.includes('[4], [4] → [8]'));
  for (const name of ['left', 'right', 'kind', 'sum']) assert.ok(words.includes(name), name);
  // Several values from one box to another are one arrow.
  const x = input([3]);
  assert.equal(arrowsOf(new Model({ inputs: x, outputs: new Add().apply([x, x, x, x, x]) })), [
    'Input input > add',
    'add > Output add',
  ]);
  const many = await plotModel(new Model({ inputs: x, outputs: new Add().apply([x, x, x, x, x]) }));
  assert.ok(wordsOf(many).includes('[3], [3], 3 more → [3]'), wordsOf(many).join());
});

test('layers of layers: a box with all parameters, or all that is in them', async () => {
  assert.equal(arrowsOf(nested()), [
    'Input input > residual',
    'residual > stage',
    'stage > tower',
    'tower > Output tower',
  ]);
  const closed = wordsOf(await plotModel(nested()));
  assert.is(closed.filter((word) => word === '76 parameters').length, 2);
  assert.ok(closed.includes('219 parameters, frozen'));

  assert.equal(arrowsOf(nested(), true), [
    'Input input > residual/conv2d',
    'residual/conv2d > relu',
    'relu > residual/conv2d_1',
    'Input input > add+relu',
    'residual/conv2d_1 > add+relu',
    'add+relu > stage/residual/conv2d',
    'stage/residual/conv2d > relu',
    'relu > stage/residual/conv2d_1',
    'add+relu > add+relu',
    'stage/residual/conv2d_1 > add+relu',
    'add+relu > tower/flatten',
    'tower/flatten > tower/dense',
    'tower/dense > Output tower',
  ]);
  const open = await plotModel(nested(), { expandNested: true });
  const words = wordsOf(open);
  for (const word of ['Residual', 'Stage', 'Sequential', 'conv2d_1', 'add, relu', '219 parameters, frozen']) {
    assert.ok(words.includes(word), word);
  }
  assert.is(countOf(open, /stroke-dasharray/g), 2, 'the tower and its layer');
});

test('a layer may be frozen in part', async () => {
  const model = new Sequential([new Residual()]).build([6, 6, 2]);
  const [block] = model.layers;
  assert.instance(block, Residual);
  if (block instanceof Residual) block.a.trainable = false;
  assert.ok(wordsOf(await plotModel(model)).includes('76 parameters, partly frozen'));
  block.trainable = false;
  assert.ok(wordsOf(await plotModel(model)).includes('76 parameters, frozen'));
});

for (const rankDir of ['TB', 'LR'] as const) {
  test(`${rankDir}: boxes lie apart and in their frames, arrows end at them, words within`, async () => {
    for (const model of [row(), branches(), nested()]) {
      const { boxes } = modelGraph(model.networkFor('test'), true);
      const picture = await plotModel(model, { rankDir, expandNested: true });
      const frames = framesOf(picture);
      const clusters = frames.slice(0, frames.length - boxes.length);
      const places = frames.slice(clusters.length);
      assert.is(clusters.length, model.layers.length === 3 ? 4 : 0);
      places.forEach((a, at) => {
        for (const b of places.slice(at + 1)) assert.ok(apart(a, b) > 5, 'boxes touch');
        assert.ok(a.x - a.width / 2 >= 0 && a.x + a.width / 2 <= picture.width, 'a box leaves the page');
        // Wholly within a frame, or wholly outside.
        const inside = clusters.filter((frame) => apart(a, frame) <= 0);
        const { within } = boxes[at];
        assert.is(inside.length, within === null ? 0 : within.within === null ? 1 : 2);
        for (const frame of inside) {
          assert.ok(Math.abs(a.x - frame.x) + a.width / 2 < frame.width / 2, 'through a frame');
          assert.ok(Math.abs(a.y - frame.y) + a.height / 2 < frame.height / 2, 'through a frame');
        }
      });
      const ends = [...picture.svg.matchAll(/<path d="M([-\d.]+) ([-\d.]+)L/g)].map(([, x, y]) => ({
        ...{ x: Number(x), y: Number(y) },
        ...{ width: 0, height: 0 },
      }));
      assert.ok(ends.length > boxes.length - 2);
      for (const end of ends) assert.ok(places.some((place) => Math.abs(apart(end, place)) < 0.5));
    }
  });
}

test('the layout: what a group reads stands before its head, and its head before all in it', async () => {
  const size = { width: 60, height: 30 };
  const { boxes, groups, heads, arrows } = await placeGraph(
    {
      boxes: [null, 0, 1, 0, null].map((group) => ({ ...size, group })),
      groups: [null, 0].map((group) => ({ width: 200, height: 20, group })),
      arrows: [0, 1, 2, 3].map((from) => ({ from, to: from + 1 })),
    },
    'TB',
  );
  const tops = [boxes[0], heads[0], boxes[1], heads[1], boxes[2], boxes[3], boxes[4]].map(({ y }) => y);
  assert.equal(
    tops,
    [...tops].sort((a, b) => a - b),
  );
  assert.ok(groups[0].width > 200 && groups[1].width > 200 && groups[0].height > groups[1].height + 80);
  assert.is(arrows.length, 4);
});

test('sixty layers, and a thousand', async () => {
  const deep = (count: number) =>
    new Sequential(Array.from({ length: count }, () => new Activation('relu'))).build([3]);
  assert.is(countOf(await plotModel(deep(60)), /rx=/g), 62);
  assert.is(countOf(await plotModel(deep(1000)), /rx=/g), 1002);
});

test('drawing leaves the model as it was, and the picture is the same each time', async () => {
  const model = nested();
  const before = JSON.stringify(await model.getWeights());
  const [one, two] = [await plotModel(model, { expandNested: true }), await plotModel(model, { expandNested: true })];
  assert.is(one.svg, two.svg);
  assert.is(JSON.stringify(await model.getWeights()), before);
});

test('names out of files: cut, and no markup', async () => {
  const name = `</svg>&${'x'.repeat(500)}`;
  const picture = await plotModel(new Sequential([new Dense(1, { name, inputShape: [2] })]));
  assert.ok(picture.width < 1000);
  assert.ok(picture.svg.includes('&lt;/svg&gt;&amp;xxx') && picture.svg.endsWith('</svg>'));
  assert.is(countOf(picture, /<\/svg>/g), 1);
});

test('what is no model, no option, no direction', async () => {
  const wrong = (value: unknown): never => value as never;
  await rejects(() => plotModel(wrong([1])), ArgumentError, /plotModel: expected a model, got an array.*Sequential/);
  await rejects(() => plotModel(row(), wrong({ showShape: true })), ArgumentError, /'showShape'.*mean 'showShapes'/);
  await rejects(() => plotModel(row(), wrong({ showShapes: 1 })), ArgumentError, /showShapes.*true or false.* got 1/);
  await rejects(() => plotModel(row(), wrong({ rankDir: 'BT' })), ArgumentError, /rankDir 'BT'.*TB, LR/);
  await rejects(() => plotModel(new Sequential([new Dense(1)])), StateError, /plotModel: the shape.*inputShape/);
});

test.run();
