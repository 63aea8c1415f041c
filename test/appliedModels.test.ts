/** Models that a layer of one's own applies, functions of several inputs as layers, and weights with initializers by name. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArgumentError,
  type CallContext,
  Dense,
  input,
  Lambda,
  Layer,
  LayerNormalization,
  Model,
  normal,
  Sequential,
  split,
  type Tensor,
  tensor,
  type WeightSpec,
} from '../src/index.ts';
import { rejects } from './interruption.ts';
import { assertClose, assertSame } from './support.ts';

const test = suite('applied models');

const mixing = () => {
  const x = input([3]);
  return new Model({ inputs: x, outputs: new Dense(3, { name: 'mixed' }).apply(x), name: 'sum' });
};

/** As Keras' guides write it: what is applied several times in a row is a Sequential. */
class FeedForward extends Layer {
  readonly className = 'FeedForward';
  readonly inner = new Sequential([new Dense(5, { activation: 'tanh' }), new Dense(3)], { name: 'inner' });
  readonly mixing = mixing();
  readonly norm = new LayerNormalization();

  call(x: Tensor, { apply }: CallContext): Tensor {
    const inner: Tensor = apply(this.inner, x);
    return apply(this.norm, x.add(inner).add(apply(this.mixing, x)));
  }

  config() {
    return {};
  }
}

const make = () => new Sequential([new FeedForward({ name: 'block' }), new Dense(2)], { inputShape: [3], seed: 4 });
const [x, y] = [normal([6, 3], { seed: 1 }), normal([6, 2], { seed: 2 })];

test('a layer applies models as it does layers: their weights are its own, by path', async () => {
  const model = make().compile({ optimizer: 'adam', loss: 'mse' });
  const weights = await model.getWeights();
  assert.equal(
    weights.map(({ name }) => name),
    [
      ...[
        'block/inner/dense/kernel',
        'block/inner/dense/bias',
        'block/inner/dense_1/kernel',
        'block/inner/dense_1/bias',
      ],
      ...['block/sum/mixed/kernel', 'block/sum/mixed/bias'],
      ...['block/layer_normalization/gamma', 'block/layer_normalization/beta', 'dense/kernel', 'dense/bias'],
    ],
  );
  const { history } = await model.fit(x, y, { epochs: 3, verbose: 0 });
  assert.ok(history.loss[2] < history.loss[0]);
  const moved = await model.getWeights();
  for (const [at, { name, data }] of moved.entries()) assert.not.equal(data, weights[at].data, name);
  const [k1, b1, k2, b2, k3, b3, gamma, beta, k4, b4] = moved.map(({ data, shape }) => tensor(data, shape));
  const sum = x.add(x.dense(k1, b1).tanh().dense(k2, b2)).add(x.dense(k3, b3));
  const spread = sum.variance(-1, true).add(1e-3).sqrt();
  const expected = sum.sub(sum.mean(-1, true)).div(spread).mul(gamma).add(beta).dense(k4, b4);
  const predicted = await (await model.predict(x)).data();
  assertClose(predicted, await expected.data(), 'outputs');
  const copy = await Sequential.fromSafetensors(await model.toSafetensors(), {
    customObjects: { FeedForward: (_, options) => new FeedForward(options) },
  });
  assertSame(await (await copy.predict(x)).data(), predicted, 'of the file');
});

test('what is no layer is refused by name, with the remedy', async () => {
  class Wrong extends Layer {
    readonly className = 'Wrong';
    call(x: Tensor, { apply }: CallContext): Tensor {
      return Reflect.apply(apply, undefined, [(z: Tensor) => z.relu(), x]);
    }
    config() {
      return {};
    }
  }
  const expected = [
    "Layer 'Wrong' (Wrong), inputs [3] an example: apply: expected a layer or a model, got a function.",
    'Write apply(this.dense, x).',
  ];
  await rejects(() => new Wrong().apply(input([3])), ArgumentError, ...expected);
  await rejects(() => new Sequential([new Wrong({ name: 'Wrong' })], { inputShape: [3] }), ArgumentError, ...expected);
});

test('a function of several inputs, and one with several outputs, are layers', async () => {
  const [a, b] = [input([3]), input([3])];
  const distance = new Lambda(([p, q]: readonly Tensor[]) => p.sub(q).square().sum(-1, true));
  const halves = new Lambda((z: Tensor): readonly Tensor[] => split(z.mul(2), [1, 2]));
  const [left, right] = halves.apply(a);
  const model = new Model({ inputs: [a, b], outputs: [distance.apply([a, b]), left, right] });
  const given = [normal([4, 3], { seed: 3 }), normal([4, 3], { seed: 4 })] as const;
  const [far, one, two] = await model.predict([...given]);
  assertClose(await far.data(), await given[0].sub(given[1]).square().sum(-1, true).data(), 'distance');
  assert.equal([one.shape, two.shape].join(), '4,1,4,2');
  assertClose(await two.data(), await given[0].slice([0, 1], [-1, 2]).mul(2).data(), 'the second output');
});

test('a weight begins with what an initializer of that name gives, and one that fails is named', async () => {
  class Own extends Layer {
    readonly className = 'Own';
    constructor(readonly initializer: WeightSpec['initializer']) {
      super();
    }
    override weights(): WeightSpec[] {
      return [{ name: 'scale', shape: [2], initializer: this.initializer, trainable: true }];
    }
    call(z: Tensor, { weights: [scale] }: CallContext): Tensor {
      return z.mul(scale);
    }
    config() {
      return {};
    }
  }
  const of = (initializer: WeightSpec['initializer']) => new Sequential([new Own(initializer)], { inputShape: [2] });
  assert.equal((await of('ones').getWeights())[0].data, new Float32Array([1, 1]));
  // As from JavaScript, where nothing checks names.
  const unknown = 'one' as 'ones';
  await rejects(() => of(unknown), ArgumentError, "The initializer of 'own/scale'", "Did you mean 'ones'?");
  const failing = (): Float32Array => {
    throw new RangeError('too far');
  };
  await rejects(() => of(failing), ArgumentError, "The initializer of 'own/scale' threw 'too far'.");
});

test.run();
