/** A forgotten softmax or sigmoid under a cross-entropy is pointed out, once; what may be probabilities is let be. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Activation,
  type ActivationName,
  binaryCrossentropy,
  type CompileOptions,
  categoricalCrossentropy,
  Dense,
  Flatten,
  Layer,
  normal,
  oneHot,
  Rescaling,
  Reshape,
  Sequential,
  sparseCategoricalCrossentropy,
  tensor,
} from '../src/index.ts';
import type { Tensor } from '../src/tensor/index.ts';

const test = suite('probabilities');

const x = normal([19, 4], { seed: 1 });
const ids = tensor(Int32Array.from({ length: 19 }, (_, i) => i % 3));
const rows = oneHot(ids, 3);

/** exp(x) over its sum: a softmax of one's own. */
class Boltzmann extends Layer {
  readonly className = 'Boltzmann';
  call(x: Tensor): Tensor {
    const weights = x.exp();
    return weights.div(weights.sum(-1, true));
  }
  config() {
    return {};
  }
}

const dense = (activation: ActivationName = 'linear') => new Dense(3, { name: 'last', activation });
const SPARSE: CompileOptions = { loss: 'sparseCategoricalCrossentropy' };
const BINARY: CompileOptions = { loss: 'binaryCrossentropy' };

/** What training says; twice in a row. */
async function said(last: readonly Layer[], options: CompileOptions, onBatch = false): Promise<string[]> {
  const model = new Sequential([new Dense(5, { inputShape: [4] }), ...last], { seed: 3 }).compile(options);
  const y =
    options.loss === 'sparseCategoricalCrossentropy' || String(Object(options.loss).name).startsWith('sparse')
      ? ids
      : rows;
  const [warn, lines] = [console.warn, [] as string[]];
  console.warn = (line: string) => lines.push(line);
  try {
    for (let i = 0; i < 2; i++) {
      if (onBatch) await model.trainOnBatch(x, y);
      else await model.fit(x, y, { verbose: 0 });
    }
  } finally {
    console.warn = warn;
  }
  return lines;
}

const LACKING: [string, readonly Layer[], CompileOptions, string][] = [
  ['ids', [dense()], SPARSE, 'softmax'],
  ['rows', [dense()], { loss: categoricalCrossentropy({ labelSmoothing: 0.1 }) }, 'softmax'],
  ['tanh', [dense('tanh')], SPARSE, 'softmax'],
  ['behind a reshape', [dense(), new Reshape([3], { name: 'end' })], SPARSE, 'softmax'],
  ['a linear activation', [dense(), new Activation('linear')], SPARSE, 'softmax'],
  ['logarithms', [dense('logSoftmax')], SPARSE, 'softmax'],
  ['bits', [dense()], BINARY, 'sigmoid'],
  ['sizes', [dense('softplus')], BINARY, 'sigmoid'],
];

for (const [name, last, options, activation] of LACKING) {
  test(`${name}: the ${activation} that is lacking is named, with the remedy`, async () => {
    const lines = await said(last, options);
    assert.is(lines.length, 1, lines.join('\n'));
    const end = last.at(-1)?.givenName ?? 'activation';
    assert.match(
      lines[0],
      new RegExp(`^fit: \\w+Crossentropy expects probabilities, and the last layer '${end}' gives -?[\\d.]+`),
    );
    assert.match(lines[0], `it lacks a ${activation}. Give it activation: '${activation}', or compile with loss: `);
    assert.match(lines[0], '({ fromLogits: true })');
  });
}

const RIGHT: [string, readonly Layer[], CompileOptions][] = [
  ['softmax', [dense('softmax')], SPARSE],
  ['a softmax layer', [dense(), new Activation('softmax')], SPARSE],
  ['a softmax behind a reshape', [dense('softmax'), new Flatten()], SPARSE],
  ['sigmoid', [dense('sigmoid')], BINARY],
  ['sigmoid under classes', [dense('sigmoid')], SPARSE],
  ['positive numbers, which the loss divides by their sum', [dense('softplus')], SPARSE],
  ['a softmax of your own', [dense(), new Boltzmann()], SPARSE],
  ['probabilities that were scaled', [dense('sigmoid'), new Rescaling(0.5)], BINARY],
  ['logits, as the loss is told', [dense()], { loss: sparseCategoricalCrossentropy({ fromLogits: true }) }],
  ['logits of bits', [dense()], { loss: binaryCrossentropy({ fromLogits: true }) }],
  ['another loss', [dense()], { loss: 'mse' }],
];

for (const [name, last, options] of RIGHT) {
  test(`${name}: nothing is said`, async () => {
    assert.equal(await said(last, options), []);
  });
}

test('trainOnBatch says it once, and so does each compile', async () => {
  const lines = await said([dense()], SPARSE, true);
  assert.is(lines.length, 1);
  assert.match(lines[0], /^trainOnBatch: /);
  const model = new Sequential([dense()]).compile(SPARSE);
  const [warn, heard] = [console.warn, [] as string[]];
  console.warn = (line: string) => heard.push(line);
  try {
    // A tensor that was computed lies on no host.
    await model.fit(x.mul(2), ids, { verbose: 0 });
    model.compile(SPARSE);
    await model.fit(x, ids, { verbose: 0 });
  } finally {
    console.warn = warn;
  }
  assert.is(heard.length, 2);
});

test.run();
