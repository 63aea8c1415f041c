/** Made-up findings of a study: one run that learns and one that diverges, so that a report has all that it can have. */

import type { Exhibits } from '../examples/study/exhibits.ts';
import type { Findings } from '../examples/study/findings.ts';
import type { RunResult } from '../examples/study/results.ts';
import { proceduralImages } from '../src/index.ts';

const SAMPLES = 12;
const CLASSES = 10;

const learns: RunResult = {
  name: 'baseline',
  learningRate: 0.001,
  batchSize: 32,
  epochs: 4,
  history: {
    loss: [2.1, 1.8, 1.6, 1.5],
    accuracy: [0.2, 0.35, 0.41, 0.46],
    val_loss: [2, 1.7, 1.6, 1.55],
    val_accuracy: [0.24, 0.37, 0.4, 0.43],
    learning_rate: [0.001, 0.001, 0.001, 0.001],
  },
  secondsPerEpoch: 2,
  imagesPerSecond: 500,
  divergence: null,
  verdict: 'learns',
};

const diverges: RunResult = {
  ...learns,
  name: 'high-lr',
  learningRate: 0.1,
  history: {
    loss: [1e9, Number.NaN, Number.NaN, Number.NaN],
    accuracy: [0.1, 0.1, 0.1, 0.1],
    val_loss: [2.31, Number.NaN, Number.NaN, Number.NaN],
    val_accuracy: [0.1, 0.1, 0.1, 0.1],
    learning_rate: [0.1, 0.1, 0.1, 0.1],
  },
  divergence: {
    kind: 'non-finite',
    epoch: 1,
    step: 40,
    tensor: 'dense/kernel',
    loss: Number.NaN,
    advice: 'learning rate 0.1 is likely too high: try 0.01',
  },
  verdict: 'diverged',
};

const shape = [3, 3, 3, 32] as const;
const weights = (scale: number): number[] =>
  Array.from({ length: 3 * 3 * 3 * 32 }, (_, i) => scale * Math.sin(i * 1.7));

/** Each class is taken for the next one in a third of all cases. */
const confusion = Array.from({ length: CLASSES }, (_, truth) =>
  Array.from({ length: CLASSES + 1 }, (_, guess) => (guess === truth ? 6 : guess === (truth + 1) % CLASSES ? 3 : 0)),
);

const exhibitsOf = (value: number): Exhibits => ({
  predictions: Array.from({ length: SAMPLES * CLASSES }, (_, i) =>
    Number.isNaN(value) ? value : i % 11 === 0 ? 0.55 : 0.05,
  ),
  confusion: Number.isNaN(value)
    ? confusion.map((row) => row.map((_, guess) => (guess === CLASSES ? 9 : 0)))
    : confusion,
  filters: { shape, before: weights(1), after: weights(value) },
});

/** A text that would break out of a page that took it as it is. */
export const HOSTILE = '</script><script>alert(1)</script> $& $1';

export const findings: Findings = {
  results: {
    adapter: 'made-up adapter',
    software: true,
    data: 'synthetic shapes (not CIFAR-10), 1,000 training and 90 test images',
    preset: 'quick',
    seed: 0,
    runs: [learns, diverges],
  },
  outcomes: [
    { run: learns, exhibits: exhibitsOf(2) },
    { run: diverges, exhibits: exhibitsOf(Number.NaN) },
  ],
  data: proceduralImages({ train: 1000, test: 90 }),
  environment: [
    ['command', 'npm run cifar -- --runs baseline,high-lr'],
    ['data source', HOSTILE],
  ],
};
