/** 25 steps of the study's network on real images, against PyTorch in float64. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  Callback,
  Conv2D,
  cifar10,
  Dense,
  Flatten,
  MaxPooling2D,
  type MetricsReport,
  Rescaling,
  Sequential,
  tensor,
} from '../src/index.ts';
import { floats, readGolden, relativeError, sharedPath } from './shared.ts';

const test = suite('trajectory');

class StepLosses extends Callback {
  readonly losses: number[] = [];
  override onMetrics({ window }: MetricsReport): void {
    this.losses.push(window.loss);
  }
}

const golden = sharedPath('golden/trajectory.safetensors');
const images = sharedPath('data/cifar-10-batches-bin');

if (golden === null || images === null) {
  console.log('trajectory: skipped, ../shared is missing');
  test.skip('losses and weights of 25 steps on real images');
} else {
  test('losses and weights of 25 steps on real images', async () => {
    const expected = readGolden(golden);
    const { train } = await cifar10.load({ dir: images, train: 800, test: 1 });
    const model = new Sequential(
      [
        new Rescaling(1 / 255),
        new Conv2D(32, 3, { padding: 'same', activation: 'relu' }),
        new MaxPooling2D(2),
        new Flatten(),
        new Dense(100, { activation: 'relu' }),
        new Dense(10, { activation: 'softmax' }),
      ],
      { inputShape: [32, 32, 3] },
    ).compile({ optimizer: new Adam(), loss: 'sparseCategoricalCrossentropy' });
    await model.setWeights([0, 1, 2, 3, 4, 5].map((i) => floats(expected, `w${i}`)));
    const steps = new StepLosses();
    await model.fit(tensor(train.images, train.shape), tensor(train.labels, [800], { dtype: 'int32' }), {
      batchSize: 32,
      shuffle: false,
      verbose: 0,
      callbacks: [steps],
    });
    assert.is(steps.losses.length, 25);
    const error = relativeError(steps.losses, floats(expected, 'losses'));
    assert.ok(error < 1e-4, `losses: relative error ${error}`);
    const weights = await model.getWeights();
    weights.forEach(({ name, data }, i) => {
      const norm = Math.sqrt(data.reduce((sum, v) => sum + v * v, 0));
      const [expectedNorm] = floats(expected, `w${i}_final_norm`);
      assert.ok(Math.abs(norm / expectedNorm - 1) < 1e-4, `${name}: norm ${norm}, expected ${expectedNorm}`);
      const head = relativeError(data, floats(expected, `w${i}_final_head`));
      assert.ok(head < 2e-3, `${name}: head off by ${head}`);
    });
  });
}

test.run();
