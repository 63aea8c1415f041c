/** Every optimizer of the table, and one of a user's own: its settings, what its rule says of itself, and its file. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArgumentError,
  BackupAndRestore,
  Dense,
  Optimizer,
  RMSprop,
  Sequential,
  SGD,
  tensor,
  type UpdateRule,
  variable,
} from '../src/index.ts';
import { optimizers } from '../src/nn/optimizers/index.ts';
import { makeOptimizer, optimizerClasses } from '../src/nn/optimizers/makeOptimizer.ts';
import { Interrupt, interrupted, rejects } from './interruption.ts';
import { assertClose } from './support.ts';

const test = suite('optimizers');
const folder = mkdtempSync(join(tmpdir(), 'wgrad-optimizers-'));
test.after(() => rmSync(folder, { recursive: true }));

const classes = optimizerClasses.map((Class) => [new Class().name.toLowerCase(), Class] as const);

test('a name and the settings make an equal optimizer; an option that does not exist is refused', async () => {
  for (const [, Class] of classes) {
    const changed = new Class({ learningRate: 0.25 });
    const again = makeOptimizer(changed.name, changed.config());
    assert.is(again.constructor, Class);
    assert.equal(again.config(), { ...new Class().config(), learningRate: 0.25 });
    assert.equal(again.rule, changed.rule);
    const typo: object = { learningrate: 1 };
    await rejects(() => new Class(typo), ArgumentError, changed.name, "Did you mean 'learningRate'?");
    assert.equal(new Class({ learningRate: undefined }).config(), new Class().config());
  }
  for (const [key, Class] of Object.entries(optimizers)) assert.is(key, new Class().name.toLowerCase());
  const names = classes.map(([, Class]) => new Class().name).join(', ');
  await rejects(() => makeOptimizer('Tiger', {}), ArgumentError, `'Tiger', which is none of ${names}. Give compile an`);
});

const everyRule = (): readonly Optimizer[] => [
  ...classes.map(([, Class]) => new Class()),
  new SGD({ momentum: 0.5 }),
  new RMSprop({ momentum: 0.5, centered: true }),
  new Lion(),
];

test('a rule tells the truth of squares: where one would overflow the weight stays, and training names the gradient', async () => {
  for (const optimizer of everyRule()) {
    const w = variable([1, 1]);
    await optimizer.apply([tensor([2e19, 1])], [w]);
    const [large, small] = await w.data();
    assert.is(large === 1, optimizer.rule.squares, optimizer.name);
    assert.is.not(small, 1);

    // Loss 1e18, gradient 2 * 1e10 * 1e9.
    const layer = new Dense(1, { inputShape: [1], useBias: false, kernelInitializer: 'zeros' });
    const model = new Sequential([layer]).compile({ optimizer, loss: 'mse' });
    const log = console.warn;
    console.warn = () => {};
    const { nonFinite } = await model.fit(tensor([[1e10]]), tensor([[-1e9]]), { verbose: 0 });
    console.warn = log;
    assert.is(nonFinite?.tensor, optimizer.rule.squares ? 'gradient of dense/kernel' : undefined, optimizer.name);
    model.dispose();
  }
});

test('a rule whose rate depends on the step says how it goes on after steps that were left out', () => {
  for (const optimizer of everyRule()) {
    const [first, second] = [optimizer.rates(1)[0], optimizer.rates(2)[0]];
    assert.is(optimizer.rule.correctedRate !== null, first !== second, optimizer.name);
    if (first !== second) assert.is(optimizer.rates(7)[3], 7);
  }
});

/** Lion (Chen et al. 2023), without weight decay. */
class Lion extends Optimizer {
  readonly name = 'Lion';
  readonly rule: UpdateRule = {
    body: `
      let next = old - rate * sign(params.beta1 * mean[i] + (1.0 - params.beta1) * g);
      let newMean = params.beta2 * mean[i] + (1.0 - params.beta2) * g;`,
    moments: { mean: 'newMean' },
    constants: { beta1: 0.75, beta2: 0.875 },
    squares: false,
    correctedRate: null,
  };
  constructor({ learningRate = 0.125 } = {}) {
    super(learningRate, 'Lion');
  }
  config() {
    return { learningRate: this.learningRate };
  }
}

test("a user's own rule is computed as it is written", async () => {
  const w = variable([0, 0, 0]);
  const lion = new Lion();
  const expected = [0, 0, 0];
  const mean = [0, 0, 0];
  for (const gradient of [
    [1, -2, 0],
    [-1, 1, 3],
    [-0.125, 4, -1],
    [5, -4, -5],
  ]) {
    await lion.apply([tensor(gradient)], [w]);
    gradient.forEach((g, i) => {
      expected[i] -= 0.125 * Math.sign(0.75 * mean[i] + 0.25 * g);
      mean[i] = 0.875 * mean[i] + 0.125 * g;
    });
    assertClose(await w.data(), expected, `${gradient}`, 1e-6);
  }
});

test('a training with it goes on from a file, with what it remembers', async () => {
  const x = tensor(
    Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
    [12, 2],
  );
  const y = tensor(
    Float32Array.from({ length: 12 }, (_, i) => Math.cos(i)),
    [12, 1],
  );
  const train = async (...callbacks: (BackupAndRestore | Interrupt)[]): Promise<Float32Array> => {
    const model = new Sequential([new Dense(1, { inputShape: [2] })], { seed: 1 });
    model.compile({ optimizer: new Lion({ learningRate: 0.01 }), loss: 'mse' });
    try {
      await model.fit(x, y, { epochs: 3, batchSize: 4, verbose: 0, callbacks });
      return (await model.getWeights())[0].data;
    } finally {
      model.dispose();
    }
  };
  const path = join(folder, 'lion');
  const straight = await train();
  await interrupted(train(new BackupAndRestore(path), new Interrupt(1, 1)));
  assert.equal(await train(new BackupAndRestore(path)), straight);
});

test('every weight of many is updated once, also where a thread takes several', async () => {
  // On an adapter on the CPU two vec4fs a thread; the last block has an end of its own.
  const start = Float32Array.from({ length: 40_003 }, (_, at) => at % 1000);
  const weights = variable(tensor(start));
  await new SGD({ learningRate: 0.5 }).apply([tensor(start.map((value) => value + 2))], [weights]);
  assert.equal(
    Array.from(await weights.data()),
    Array.from(start, (value) => value / 2 - 1),
  );
});

test('a rule that is no WGSL is an error that shows the line', async () => {
  class Broken extends Lion {
    override readonly rule = { ...new Lion().rule, body: 'let nxt = old;' };
  }
  await rejects(() => new Broken().apply([tensor([1])], [variable([1])]), Error, 'next');
});

test.run();
