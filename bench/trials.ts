/** Small trainings of many kinds, healthy ones and sick ones: what a divergence detector must tell apart. */

import { random } from '../src/graph.ts';
import {
  Adam,
  BatchNormalization,
  binaryCrossentropy,
  Callback,
  Dense,
  Dropout,
  type FitOptions,
  type Layer,
  type Loss,
  type LossName,
  type Optimizer,
  RMSprop,
  Sequential,
  SGD,
  sparseCategoricalCrossentropy,
  type Tensor,
  tensor,
} from '../src/index.ts';

/** A training that is ready to run. */
export interface Trial {
  readonly name: string;
  readonly model: Sequential;
  readonly x: Tensor;
  readonly y: Tensor;
  /** Of each example: its class's weight times its own. */
  readonly weights: Float32Array;
  readonly options: FitOptions;
  /** Trained so many epochs before, at this rate, where it goes on from good weights. */
  readonly before: { readonly epochs: number; readonly rate: number } | null;
  /** Weighted mean loss of the best constant output. */
  readonly guessing: number;
  /** Whether `guessing` is that of a classifier. */
  readonly classifier: boolean;
  /** Epoch in which it breaks; 0 where it is broken from the start. */
  readonly onset: number;
}

type Architecture = 'linear' | 'small' | 'deep' | 'dropout' | 'normalised';
type Task = 'regression' | 'classes' | 'binary';

interface Recipe {
  readonly task: Task;
  readonly architecture?: Architecture;
  readonly optimizer: Optimizer;
  readonly batch: number;
  /** Examples; default 256. */
  readonly count?: number;
  /** Default: 5, and enough for 120 steps; twice as many where the training should be sick, so that there is time to notice. */
  readonly epochs?: number;
  readonly loss?: LossName | Loss;
  /** Compile accuracy where there are classes; default true. */
  readonly accuracy?: boolean;
  /** In the labels' smoothing of a classifier's loss. */
  readonly smoothing?: number;
  /** Changes the data in place. */
  readonly data?: (x: Float32Array, y: Float32Array) => void;
  readonly sampleWeight?: (at: number) => number;
  readonly classWeight?: Record<number, number>;
  readonly microBatchSize?: number;
  readonly shuffle?: boolean;
  /** The rate after so many epochs, as a multiple of the first one. */
  readonly schedule?: (epochs: number) => number;
  /** Epochs within which it changes; default 0. */
  readonly fine?: number;
  readonly before?: { readonly epochs: number; readonly rate: number };
  readonly onset?: number;
  /** Changes the fresh model's weights in place. */
  readonly weights?: (name: string, values: Float32Array) => void;
}

const FEATURES = 8;
const CLASSES = 4;

/** Sets the rate before every epoch, or within the first ones before every step. */
class Schedule extends Callback {
  readonly #rate: (epochs: number) => number;
  readonly #fine: number;
  #first = 0;
  #epoch = 0;

  /** `rate`: a multiple of the first rate, after so many epochs; `fine`: epochs within which it changes. */
  constructor(rate: (epochs: number) => number, fine: number) {
    super();
    this.#rate = rate;
    this.#fine = fine;
  }

  override get everyTrainBatch(): boolean {
    return this.#epoch < this.#fine;
  }

  override onTrainBegin(): void {
    this.#first = this.model.optimizer.learningRate;
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
    this.#set(epoch);
  }

  override onTrainBatchBegin(batch: number): void {
    if (this.#epoch < this.#fine) this.#set(this.#epoch + batch / this.params.steps);
  }

  #set(epochs: number): void {
    this.model.optimizer.learningRate = this.#first * this.#rate(epochs);
  }
}

function layersOf(architecture: Architecture, task: Task): Layer[] {
  const width = task === 'classes' ? CLASSES : 1;
  const activation = task === 'classes' ? 'softmax' : task === 'binary' ? 'sigmoid' : 'linear';
  const last = new Dense(width, { activation });
  const hidden = (): Layer => new Dense(16, { activation: 'relu' });
  switch (architecture) {
    case 'linear':
      return [last];
    case 'small':
      return [hidden(), last];
    case 'deep':
      return [hidden(), hidden(), hidden(), last];
    case 'dropout':
      return [hidden(), new Dropout(0.5), last];
    case 'normalised':
      return [hidden(), new BatchNormalization(), last];
  }
}

/** Drawn inputs and labels that a network can learn from them, with some noise. */
function draw(task: Task, count: number, seed: number): { x: Float32Array; y: Float32Array } {
  const x = random.normal(count * FEATURES, { seed });
  const noise = random.normal(count * CLASSES, { seed: seed + 7919 });
  const signal = (at: number, k: number): number =>
    x[at * FEATURES + k] - x[at * FEATURES + k + 1] + 0.3 * noise[at * CLASSES + k];
  const y = Float32Array.from({ length: count }, (_, at) => {
    if (task === 'regression') return signal(at, 0) + 0.5 * signal(at, 2);
    if (task === 'binary') return Number(signal(at, 0) > 0);
    const scores = Array.from({ length: CLASSES }, (_, k) => signal(at, k));
    return scores.indexOf(Math.max(...scores));
  });
  return { x, y };
}

const sumOf = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value, 0);

/** What the best constant output costs. */
function guessingLoss(task: Task, loss: string, y: Float32Array, weights: Float32Array, smoothing: number): number {
  const total = sumOf(weights);
  const mean = (value: (y: number) => number): number => sumOf(y.map((one, at) => weights[at] * value(one))) / total;
  if (task === 'regression') {
    if (loss === 'mse') {
      const centre = mean((one) => one);
      return mean((one) => (one - centre) ** 2);
    }
    const order = Array.from(y.keys()).sort((a, b) => y[a] - y[b]);
    let half = total / 2;
    const middle = order.find((at) => {
      half -= weights[at];
      return half <= 0;
    });
    const median = y[middle ?? 0];
    return mean((one) => Math.abs(one - median));
  }
  const classes = task === 'binary' ? 2 : CLASSES;
  const shares = Array.from(
    { length: classes },
    (_, id) => (1 - smoothing) * mean((one) => Number(one === id)) + smoothing / classes,
  );
  return -sumOf(shares.map((share) => (share > 0 ? share * Math.log(share) : 0)));
}

async function prepare(name: string, seed: number, recipe: Recipe, long: boolean): Promise<Trial> {
  const { task, architecture = 'small', optimizer, batch, count = 256, accuracy = true, smoothing = 0 } = recipe;
  const { x, y } = draw(task, count, seed);
  recipe.data?.(x, y);
  const stepsPerEpoch = Math.ceil(count / batch);
  const epochs = recipe.epochs ?? Math.max(long ? 12 : 5, Math.ceil((long ? 240 : 120) / stepsPerEpoch));
  const usual =
    task === 'regression' ? 'mse' : task === 'binary' ? 'binaryCrossentropy' : 'sparseCategoricalCrossentropy';
  const named = recipe.loss ?? usual;
  const given =
    smoothing > 0 && typeof named === 'string' && named !== 'mse' && named !== 'mae'
      ? named === 'binaryCrossentropy'
        ? binaryCrossentropy({ labelSmoothing: smoothing })
        : sparseCategoricalCrossentropy({ labelSmoothing: smoothing })
      : named;
  const model = new Sequential(layersOf(architecture, task), { inputShape: [FEATURES], seed }).compile({
    optimizer,
    loss: given,
    metrics: accuracy && task !== 'regression' ? ['accuracy'] : [],
  });
  const { weights: change, sampleWeight, classWeight, schedule } = recipe;
  if (change !== undefined) {
    const all = await model.getWeights();
    for (const { name: weight, data } of all) change(weight, data);
    await model.setWeights(all);
  }
  const own = sampleWeight === undefined ? null : Float32Array.from({ length: count }, (_, at) => sampleWeight(at));
  const weights = Float32Array.from({ length: count }, (_, at) => (own?.[at] ?? 1) * (classWeight?.[y[at]] ?? 1));
  return {
    name,
    model,
    x: tensor(x, [count, FEATURES]).mul(1),
    y: task === 'classes' ? tensor(Int32Array.from(y)) : tensor(y, [count, 1]).mul(1),
    weights,
    options: {
      batchSize: batch,
      epochs,
      verbose: 0,
      ...(own === null ? {} : { sampleWeight: own }),
      ...(classWeight === undefined ? {} : { classWeight }),
      ...(recipe.microBatchSize === undefined ? {} : { microBatchSize: recipe.microBatchSize }),
      ...(recipe.shuffle === undefined ? {} : { shuffle: recipe.shuffle }),
      ...(schedule === undefined ? {} : { callbacks: [new Schedule(schedule, recipe.fine ?? 0)] }),
    },
    before: recipe.before ?? null,
    guessing: guessingLoss(task, typeof named === 'string' ? named : named.name, y, weights, smoothing),
    classifier: task !== 'regression',
    onset: recipe.onset ?? 0,
  };
}

/** A kind of training: the recipe of its `variant`-th member. */
type Kind = (variant: number) => Recipe;
export type Kinds = Readonly<Record<string, Kind>>;

const pick = <T>(choices: readonly T[], variant: number): T => choices[variant % choices.length];
const BATCHES = [2, 8, 32, 128, 1] as const;
const batchOf = (variant: number): number => pick(BATCHES, variant);
/** A rate that suits the batch; variants go from far too small to good. */
const adam = (variant: number): Adam => new Adam({ learningRate: pick([0.003, 0.01, 0.001, 0.02], variant) });
const sgd = (variant: number): SGD => new SGD({ learningRate: pick([0.01, 0.02, 0.005], variant) });
const ruleOf = (variant: number): Optimizer =>
  pick(
    [
      () => new Adam({ learningRate: 0.005 }),
      () => new SGD({ learningRate: 0.02 }),
      () => new SGD({ learningRate: 0.005, momentum: 0.9 }),
      () => new RMSprop({ learningRate: 0.003 }),
    ],
    variant,
  )();
const taskOf = (variant: number): Task => pick(['classes', 'binary'] as const, variant);
/** Draws of a heavy tail: e to the power of a normal number of this width. */
const logNormal = (count: number, width: number, seed: number): Float32Array =>
  random.normal(count, { seed, std: width }).map(Math.exp);
const flip =
  (share: number, classes: number, variant: number) =>
  (_: Float32Array, y: Float32Array): void => {
    const chance = random.uniform(y.length, { seed: 11 + variant });
    y.forEach((label, at) => {
      if (chance[at] < share) y[at] = (label + 1 + (at % (classes - 1))) % classes;
    });
  };

/** Every kind should learn, or stay as good as it was. */
export const HEALTHY: Kinds = {
  'regression, tiny batches': (i) => ({
    task: 'regression',
    architecture: 'linear',
    optimizer: new Adam({ learningRate: 0.01 }),
    batch: 1 + (i % 2),
    count: 50 + (i % 3) * 7,
    epochs: 20,
  }),
  regression: (i) => ({ task: 'regression', optimizer: ruleOf(i), batch: batchOf(i) }),
  'regression, small rate': (i) => ({
    task: 'regression',
    optimizer: new Adam({ learningRate: 0.0003 }),
    batch: batchOf(i),
  }),
  'regression, mae': (i) => ({ task: 'regression', loss: 'mae', optimizer: ruleOf(i), batch: batchOf(i) }),
  'regression, no noise': (i) => ({
    task: 'regression',
    architecture: 'linear',
    optimizer: adam(i),
    batch: batchOf(i + 1),
    count: 128,
    epochs: Math.ceil(1200 / Math.ceil(128 / batchOf(i + 1))),
    data: (x, y) =>
      y.forEach((_, at) => {
        y[at] = x[at * FEATURES] - 0.5 * x[at * FEATURES + 1];
      }),
  }),
  'regression, heavy-tailed noise': (i) => ({
    task: 'regression',
    optimizer: new SGD({ learningRate: 0.0005 }),
    loss: pick(['mse', 'mae'] as const, i),
    batch: batchOf(i),
    data: (_, y) => {
      const tail = logNormal(y.length, 1.5, 31 + i);
      y.forEach((_, at) => {
        y[at] += (at % 2 ? 0.3 : -0.3) * tail[at];
      });
    },
  }),
  'regression, log-normal labels': (i) => ({
    task: 'regression',
    optimizer: new Adam({ learningRate: 0.01 }),
    loss: pick(['mae', 'mse'] as const, i),
    batch: batchOf(i),
    data: (_, y) =>
      y.forEach((value, at) => {
        y[at] = Math.exp(1.2 * value);
      }),
  }),
  'regression, rare huge examples': (i) => ({
    task: 'regression',
    optimizer: new Adam({ learningRate: 0.003 }),
    batch: batchOf(i),
    data: (_, y) =>
      y.forEach((_, at) => {
        if (at % 101 === 17) y[at] *= 30;
      }),
  }),
  'regression, converged': (i) => ({
    task: 'regression',
    architecture: pick(['small', 'linear'] as const, i),
    optimizer: ruleOf(i),
    batch: batchOf(i),
    before: { epochs: 20, rate: 0.01 },
  }),
  'regression, converged without noise': (i) => ({
    task: 'regression',
    architecture: 'linear',
    optimizer: new Adam({ learningRate: pick([0.01, 0.003], i) }),
    batch: batchOf(i + 1),
    before: { epochs: 60, rate: 0.02 },
    data: (x, y) =>
      y.forEach((_, at) => {
        y[at] = x[at * FEATURES + 2];
      }),
  }),
  'regression, large labels': (i) => ({
    task: 'regression',
    architecture: 'linear',
    optimizer: new Adam({ learningRate: pick([1, 10], i) }),
    batch: batchOf(i),
    data: (_, y) =>
      y.forEach((value, at) => {
        y[at] = 1000 + 300 * value;
      }),
  }),
  'regression, small and rare labels': (i) => ({
    task: 'regression',
    optimizer: new Adam({ learningRate: pick([0.002, 0.0005, 0.005], i) }),
    batch: batchOf(i),
    data: (_, y) => {
      for (const [at, value] of y.entries()) y[at] = at % 10 === 3 ? 0.1 * value : 0;
    },
  }),
  'regression, weighted': (i) => ({
    task: 'regression',
    optimizer: adam(i),
    batch: batchOf(i),
    sampleWeight: pick(
      [(at: number) => Math.exp(((at * 37) % 17) / 3 - 3), () => 100, (at: number) => Number(at % 3 === 0), () => 0.01],
      i,
    ),
  }),
  'regression, growing along the data': (i) => ({
    task: 'regression',
    optimizer: new Adam({ learningRate: 0.003 }),
    batch: pick([1, 8, 4], i),
    shuffle: false,
    data: (_, y) =>
      y.forEach((_, at) => {
        y[at] *= Math.exp((3 * at) / y.length);
      }),
  }),
  'regression, dropout and normalisation': (i) => ({
    task: 'regression',
    architecture: pick(['dropout', 'normalised'] as const, i),
    optimizer: adam(i),
    batch: pick([8, 32, 128], i),
  }),
  'regression, restarts': (i) => ({
    task: 'regression',
    optimizer: new Adam({ learningRate: 0.02 }),
    batch: batchOf(i + 1),
    epochs: 8,
    schedule: (epochs) => 0.5 + 0.5 * Math.cos((Math.PI * (epochs % 2)) / 2),
  }),
  classifier: (i) => ({ task: taskOf(i), optimizer: ruleOf(i), batch: batchOf(i) }),
  'classifier, small rate': (i) => ({
    task: taskOf(i),
    optimizer: new Adam({ learningRate: 0.0004 }),
    batch: pick([1, 2, 8, 16], i),
    epochs: 8,
  }),
  'classifier, no accuracy': (i) => ({ task: taskOf(i), accuracy: false, optimizer: ruleOf(i), batch: batchOf(i) }),
  'classifier, noisy labels': (i) => ({
    task: taskOf(i),
    optimizer: sgd(i),
    batch: batchOf(i),
    data: flip(0.3, taskOf(i) === 'binary' ? 2 : CLASSES, i),
  }),
  'classifier, one class in ten': (i) => ({
    task: 'binary',
    optimizer: adam(i),
    batch: batchOf(i),
    count: 320,
    data: (x, y) =>
      y.forEach((_, at) => {
        y[at] = Number(at % 10 === 0);
        x[at * FEATURES] += 2 * y[at];
      }),
  }),
  'classifier, balanced by class weights': (i) => ({
    task: 'binary',
    optimizer: adam(i),
    batch: batchOf(i),
    count: 320,
    classWeight: pick(
      [
        { 0: 1, 1: 9 },
        { 0: 0.55, 1: 5 },
        { 0: 10, 1: 90 },
      ],
      i,
    ),
    data: (x, y) =>
      y.forEach((_, at) => {
        y[at] = Number(at % 10 === 0);
        x[at * FEATURES] += 2 * y[at];
      }),
  }),
  'classifier, sample weights': (i) => ({
    task: taskOf(i),
    optimizer: adam(i),
    batch: batchOf(i),
    sampleWeight: pick(
      [
        () => 4,
        () => 0.1,
        (at: number) => Math.exp(((at * 37) % 17) / 3 - 3),
        (at: number) => Number(at % 4 === 0),
        () => 30,
      ],
      i,
    ),
  }),
  'classifier, smoothing and clipping': (i) => ({
    task: taskOf(i),
    optimizer: adam(i),
    batch: batchOf(i),
    ...(i % 4 === 0
      ? { loss: sparseCategoricalCrossentropy({ clip: 1e-7 }) }
      : { smoothing: pick([0.1, 0.2, 0.3], i) }),
  }),
  'classifier, tiny data': (i) => ({
    task: taskOf(i),
    optimizer: adam(i),
    batch: pick([1, 4, 8], i),
    count: 20,
    epochs: 60,
  }),
  'classifier, dropout and normalisation': (i) => ({
    task: taskOf(i),
    architecture: pick(['dropout', 'normalised'] as const, i >> 1),
    optimizer: adam(i),
    batch: pick([8, 32, 128], i),
  }),
  'classifier, unscaled inputs': (i) => ({
    task: taskOf(i),
    architecture: 'linear',
    optimizer: new SGD({ learningRate: 0.0002 }),
    batch: pick([1, 2, 8], i),
    data: (x) =>
      x.forEach((_, at) => {
        x[at] *= 30;
      }),
  }),
  'classifier, converged or fine-tuned': (i) => ({
    task: taskOf(i),
    optimizer: ruleOf(i),
    batch: batchOf(i),
    before: { epochs: 15, rate: 0.01 },
  }),
  'classifier, in parts': (i) => ({
    task: taskOf(i),
    optimizer: adam(i),
    batch: 32,
    microBatchSize: 8,
    ...(i % 2 ? { sampleWeight: () => 5 } : {}),
  }),
  'classifier, warm-up': (i) => ({
    task: taskOf(i),
    optimizer: new Adam({ learningRate: 0.01 }),
    batch: batchOf(i),
    epochs: 10,
    schedule: (epochs) => Math.min(1, epochs),
    fine: 1,
  }),
  'classifier, exclusive or': (i) => ({
    task: 'binary',
    architecture: 'small',
    optimizer: new Adam({ learningRate: pick([0.01, 0.005], i) }),
    batch: pick([2, 4, 8], i),
    epochs: 30,
    data: (x, y) =>
      y.forEach((_, at) => {
        y[at] = Number(x[at * FEATURES] * x[at * FEATURES + 1] > 0);
      }),
  }),
  'classifier, learnt by heart': (i) => ({
    task: taskOf(i),
    optimizer: new Adam({ learningRate: 0.02 }),
    batch: pick([4, 8], i),
    count: 48,
    epochs: 60,
    data: flip(0.5, taskOf(i) === 'binary' ? 2 : CLASSES, i),
  }),
};

const factor = (variant: number, ...choices: readonly number[]): number => pick(choices, variant);
/** Fine for half of the epochs, then many times as fast. */
const late =
  (times: number) =>
  (epochs: number): number =>
    epochs < 3 ? 1 : times;
/** Faster and faster from the third epoch on. */
const creeping =
  (growth: number) =>
  (epochs: number): number =>
    growth ** Math.max(0, epochs - 3);

/** Every kind should blow up, or learn nothing. */
export const SICK: Kinds = {
  'regression, rate far too high': (i) => ({
    task: 'regression',
    optimizer: new SGD({ learningRate: factor(i, 1, 10, 100) }),
    batch: batchOf(i),
  }),
  'regression, rate a little too high': (i) => ({
    task: 'regression',
    architecture: 'linear',
    optimizer: new SGD({ learningRate: factor(i, 1.05, 0.7, 0.9) }),
    batch: pick([128, 32, 64], i),
    count: 128,
  }),
  'regression, momentum': (i) => ({
    task: 'regression',
    optimizer: new SGD({ learningRate: 0.5, momentum: factor(i, 0.9, 0.99) }),
    batch: batchOf(i),
  }),
  'regression, Adam': (i) => ({
    task: 'regression',
    optimizer: new Adam({ learningRate: factor(i, 3, 30, 10, 100) }),
    batch: batchOf(i),
  }),
  'regression, RMSprop': (i) => ({
    task: 'regression',
    architecture: 'linear',
    optimizer: new RMSprop({ learningRate: factor(i, 3, 10, 30) }),
    batch: batchOf(i),
  }),
  'regression, mae': (i) => ({
    task: 'regression',
    loss: 'mae',
    optimizer: new SGD({ learningRate: factor(i, 100, 10, 1000) }),
    batch: batchOf(i),
  }),
  'regression, unscaled inputs': (i) => ({
    task: 'regression',
    architecture: pick(['linear', 'small'] as const, i),
    optimizer: new SGD({ learningRate: 0.01 }),
    batch: batchOf(i),
    data: (x) =>
      x.forEach((_, at) => {
        x[at] *= 100;
      }),
  }),
  'regression, weighted': (i) => ({
    task: 'regression',
    architecture: 'linear',
    optimizer: new SGD({ learningRate: factor(i, 0.02, 2, 200) }),
    sampleWeight: () => factor(i, 100, 1, 0.01),
    batch: batchOf(i),
  }),
  'regression, breaks late': (i) => ({
    task: 'regression',
    optimizer: new SGD({ learningRate: 0.01 }),
    schedule: late(factor(i, 300, 100, 1000)),
    batch: batchOf(i),
    epochs: 8 + 4 * (i % 5),
    onset: 3,
  }),
  'regression, breaks late with Adam': (i) => ({
    task: 'regression',
    optimizer: new Adam({ learningRate: 0.01 }),
    schedule: late(factor(i, 1000, 300)),
    batch: batchOf(i),
    epochs: 8 + 4 * (i % 5),
    onset: 3,
  }),
  'regression, creeps away': (i) => ({
    task: 'regression',
    architecture: 'linear',
    optimizer: new SGD({ learningRate: 0.02 }),
    schedule: creeping(2),
    batch: pick([2, 8, 32], i),
    epochs: 16,
    onset: 3,
  }),
  'regression, heavy-tailed and too fast': (i) => ({
    task: 'regression',
    optimizer: new Adam({ learningRate: factor(i, 30, 100) }),
    batch: batchOf(i),
    data: (_, y) =>
      y.forEach((value, at) => {
        y[at] = Math.exp(value);
      }),
  }),
  'Adam far too fast': (i) => ({
    task: taskOf(i),
    architecture: pick(['deep', 'small'] as const, i >> 1),
    optimizer: new Adam({ learningRate: factor(i, 1, 3, 10) }),
    batch: batchOf(i),
  }),
  'SGD far too fast': (i) => ({
    task: taskOf(i),
    architecture: pick(['deep', 'small'] as const, i >> 1),
    optimizer: new SGD({ learningRate: factor(i, 10, 100, 30) }),
    batch: batchOf(i),
  }),
  'RMSprop far too fast': (i) => ({
    task: taskOf(i),
    architecture: 'deep',
    optimizer: new RMSprop({ learningRate: factor(i, 1, 10) }),
    batch: batchOf(i),
  }),
  'deep, dead units': (i) => ({
    task: 'classes',
    architecture: 'deep',
    optimizer: new Adam({ learningRate: factor(i, 0.3, 1) }),
    batch: pick([2, 8, 32], i),
  }),
  'dead units from the start': (i) => ({
    task: taskOf(i),
    optimizer: ruleOf(i),
    batch: batchOf(i),
    weights: (name, values) => {
      if (name === 'dense/bias') values.fill(-100);
    },
  }),
  'dead units, weighted': (i) => ({
    task: taskOf(i),
    optimizer: ruleOf(i),
    batch: batchOf(i),
    sampleWeight: pick([() => 0.5, () => 4, (at: number) => Math.exp(((at * 37) % 17) / 3 - 3)], i),
    weights: (name, values) => {
      if (name === 'dense/bias') values.fill(-100);
    },
  }),
  'dead units, class weights': (i) => ({
    task: 'binary',
    optimizer: ruleOf(i),
    batch: batchOf(i),
    count: 320,
    classWeight: pick(
      [
        { 0: 1, 1: 9 },
        { 0: 0.1, 1: 0.9 },
      ],
      i,
    ),
    weights: (name, values) => {
      if (name === 'dense/bias') values.fill(-100);
    },
    data: (x, y) =>
      y.forEach((_, at) => {
        y[at] = Number(at % 10 === 0);
        x[at * FEATURES] += 2 * y[at];
      }),
  }),
  'dead units, no accuracy': (i) => ({
    task: taskOf(i),
    accuracy: false,
    optimizer: ruleOf(i),
    batch: batchOf(i),
    weights: (name, values) => {
      if (name === 'dense/bias') values.fill(-100);
    },
  }),
  'clipped loss': (i) => ({
    task: 'classes',
    loss: sparseCategoricalCrossentropy({ clip: 1e-7 }),
    optimizer: new Adam({ learningRate: factor(i, 3, 10) }),
    batch: batchOf(i),
    ...(i % 3 === 0 ? { sampleWeight: () => 0.1 } : {}),
  }),
  'no rate': (i) => ({
    task: taskOf(i),
    optimizer: new SGD({ learningRate: factor(i, 0, 1e-8) }),
    batch: batchOf(i),
    weights: (name, values) => {
      if (name === 'dense_1/kernel') values.fill(0);
    },
  }),
  'inputs without a signal': (i) => ({
    task: taskOf(i),
    architecture: 'linear',
    optimizer: new SGD({ learningRate: 0.005 }),
    batch: batchOf(i),
    count: 1024,
    data: (x) => x.set(random.normal(x.length, { seed: 999 + i })),
  }),
  'empty inputs': (i) => ({ task: taskOf(i), optimizer: ruleOf(i), batch: batchOf(i), data: (x) => x.fill(0) }),
  'NaN in the inputs': (i) => ({
    task: pick(['classes', 'regression', 'binary'] as const, i),
    optimizer: ruleOf(i),
    batch: batchOf(i),
    data: (x) => {
      x[777] = Number.NaN;
    },
  }),
  'labels out of range': (i) => ({
    task: 'regression',
    optimizer: ruleOf(i),
    batch: batchOf(i),
    data: (_, y) => {
      y[99] = Number.POSITIVE_INFINITY;
    },
  }),
  'breaks late': (i) => ({
    task: taskOf(i),
    optimizer: new Adam({ learningRate: 0.01 }),
    schedule: late(factor(i, 300, 1000)),
    batch: batchOf(i),
    epochs: 8 + 4 * (i % 5),
    onset: 3,
  }),
  'breaks late, weighted': (i) => ({
    task: taskOf(i),
    optimizer: new Adam({ learningRate: 0.01 }),
    schedule: late(1000),
    sampleWeight: () => factor(i, 0.1, 10),
    batch: batchOf(i),
    epochs: 8 + 4 * (i % 5),
    onset: 3,
  }),
  'in parts': (i) => ({
    task: taskOf(i),
    architecture: 'deep',
    optimizer: new Adam({ learningRate: factor(i, 3, 1) }),
    batch: 32,
    microBatchSize: 8,
  }),
  smoothed: (i) => ({
    task: taskOf(i),
    smoothing: 0.2,
    architecture: 'deep',
    optimizer: new Adam({ learningRate: factor(i, 3, 10) }),
    batch: batchOf(i),
  }),
};

/** The `variant`-th training of a kind. */
export const makeTrial = (kinds: Kinds, kind: string, variant: number): Promise<Trial> =>
  prepare(`${kind} ${variant}`, 1000 * variant + 17, kinds[kind](variant), kinds === SICK);
