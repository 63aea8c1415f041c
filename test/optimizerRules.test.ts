/** The optimizers against float64 loops of Keras' formulas. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adadelta,
  Adagrad,
  Adam,
  AdamW,
  Lion,
  Nadam,
  type Optimizer,
  RMSprop,
  SGD,
  tensor,
  variable,
} from '../src/index.ts';
import type { OptimizerNames } from './publicNames.ts';
import { assertClose } from './support.ts';

const test = suite('rules of optimizers');

/** A weight's next value; what it remembers lies in `memory`, which begins with zeros. */
type Loop = (p: number, g: number, memory: number[], t: number) => number;

const sgd =
  (momentum: number, nesterov: boolean): Loop =>
  (p, g, memory) => {
    memory[0] = momentum * memory[0] - 0.1 * g;
    return p + (nesterov ? momentum * memory[0] - 0.1 * g : memory[0]);
  };
const adam =
  (beta1: number, beta2: number, epsilon: number, weightDecay = 0): Loop =>
  (p, g, memory, t) => {
    memory[0] = beta1 * memory[0] + (1 - beta1) * g;
    memory[1] = beta2 * memory[1] + (1 - beta2) * g * g;
    const rate = (0.1 * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
    return p - 0.1 * weightDecay * p - (rate * memory[0]) / (Math.sqrt(memory[1]) + epsilon);
  };
const rmsprop =
  (rho: number, momentum: number, epsilon: number, centered: boolean): Loop =>
  (p, g, memory) => {
    memory[0] = rho * memory[0] + (1 - rho) * g * g;
    memory[1] = rho * memory[1] + (1 - rho) * g;
    const spread = memory[0] - (centered ? memory[1] ** 2 : 0);
    memory[2] = momentum * memory[2] + (0.1 * g) / Math.sqrt(spread + epsilon);
    return p - memory[2];
  };
const nadam =
  (beta1: number, beta2: number, epsilon: number): Loop =>
  (p, g, memory, t) => {
    const u = (at: number): number => beta1 * (1 - 0.5 * 0.96 ** at);
    let product = 1;
    for (let at = 1; at <= t; at++) product *= u(at);
    memory[0] = beta1 * memory[0] + (1 - beta1) * g;
    memory[1] = beta2 * memory[1] + (1 - beta2) * g * g;
    const m = (u(t + 1) * memory[0]) / (1 - product * u(t + 1)) + ((1 - u(t)) * g) / (1 - product);
    return p - (0.1 * m) / (Math.sqrt(memory[1] / (1 - beta2 ** t)) + epsilon);
  };
const adagrad =
  (initial: number, epsilon: number): Loop =>
  (p, g, memory) => {
    memory[0] += g * g;
    return p - (0.1 * g) / Math.sqrt(initial + memory[0] + epsilon);
  };
const adadelta =
  (rho: number, epsilon: number): Loop =>
  (p, g, memory) => {
    memory[0] = rho * memory[0] + (1 - rho) * g * g;
    const delta = (g * Math.sqrt(memory[1] + epsilon)) / Math.sqrt(memory[0] + epsilon);
    memory[1] = rho * memory[1] + (1 - rho) * delta * delta;
    return p - 0.1 * delta;
  };
const lion =
  (beta1: number, beta2: number): Loop =>
  (p, g, memory) => {
    const next = p - 0.1 * Math.sign(beta1 * memory[0] + (1 - beta1) * g);
    memory[0] = beta2 * memory[0] + (1 - beta2) * g;
    return next;
  };

const learningRate = 0.1;
/** Of each with its defaults, and with other options; one of the public optimizers that has none here does not compile. */
const cases: Readonly<Record<OptimizerNames, readonly (readonly [Optimizer, Loop])[]>> = {
  SGD: [
    [new SGD({ learningRate }), sgd(0, false)],
    [new SGD({ learningRate, momentum: 0.75 }), sgd(0.75, false)],
    [new SGD({ learningRate, momentum: 0.5, nesterov: true }), sgd(0.5, true)],
  ],
  Adam: [
    [new Adam({ learningRate }), adam(0.9, 0.999, 1e-7)],
    [new Adam({ learningRate, beta1: 0.5, beta2: 0.75, epsilon: 0.25 }), adam(0.5, 0.75, 0.25)],
  ],
  AdamW: [
    [new AdamW({ learningRate }), adam(0.9, 0.999, 1e-7, 0.004)],
    [new AdamW({ learningRate, beta1: 0.5, weightDecay: 0.3 }), adam(0.5, 0.999, 1e-7, 0.3)],
  ],
  RMSprop: [
    [new RMSprop({ learningRate }), rmsprop(0.9, 0, 1e-7, false)],
    [new RMSprop({ learningRate, rho: 0.5, momentum: 0.75, epsilon: 0.25 }), rmsprop(0.5, 0.75, 0.25, false)],
    [new RMSprop({ learningRate, rho: 0.5, epsilon: 0.01, centered: true }), rmsprop(0.5, 0, 0.01, true)],
  ],
  Nadam: [
    [new Nadam({ learningRate }), nadam(0.9, 0.999, 1e-7)],
    [new Nadam({ learningRate, beta1: 0.5, beta2: 0.75, epsilon: 0.25 }), nadam(0.5, 0.75, 0.25)],
  ],
  Adagrad: [
    [new Adagrad({ learningRate }), adagrad(0.1, 1e-7)],
    [new Adagrad({ learningRate, initialAccumulatorValue: 0, epsilon: 0.5 }), adagrad(0, 0.5)],
  ],
  Adadelta: [
    [new Adadelta({ learningRate }), adadelta(0.95, 1e-7)],
    [new Adadelta({ learningRate, rho: 0.5, epsilon: 0.25 }), adadelta(0.5, 0.25)],
  ],
  Lion: [
    [new Lion({ learningRate }), lion(0.9, 0.99)],
    [new Lion({ learningRate, beta1: 0.5, beta2: 0.25 }), lion(0.5, 0.25)],
  ],
};

const STEPS = [
  [1, -2, 0, 1e-3, 100],
  [-3, -2, 0.5, 1e-3, 0],
  [0.25, -2, 4, -1e-3, -7],
  [0.25, 2, -1, 5, -7],
  [0, 0, 0, 0, 0],
  [8, -8, 1, -1, 0.5],
];

for (const [optimizer, loop] of Object.values(cases).flat()) {
  test(String(optimizer), async () => {
    const w = variable([1, 0, -1, 2, 0.5]);
    const expected = [1, 0, -1, 2, 0.5];
    const memories = expected.map(() => [0, 0, 0]);
    for (const [at, gradients] of STEPS.entries()) {
      await optimizer.apply([tensor(gradients)], [w]);
      gradients.forEach((g, i) => {
        expected[i] = loop(expected[i], Math.fround(g), memories[i], at + 1);
      });
      assertClose(await w.data(), expected, `after ${at + 1} steps`, 1e-5);
    }
  });
}

test('the momentum of Nadam is the same whichever steps it was asked for before', () => {
  const [one, other] = [new Nadam(), new Nadam()];
  for (const t of [1, 2, 3, 20_000]) one.rates(t);
  assert.equal(one.rates(5), other.rates(5));
  assert.equal(one.rates(6), other.rates(6));
  assert.is(new Nadam({ beta1: 0 }).rates(3)[2], 0);
});

test.run();
