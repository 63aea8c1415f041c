/**
 * Metrics that are more than means: against float64, by weights and without, over uneven batches and parts of batches, in fit and
 * evaluate; resumed, saved, and what is refused.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Activation,
  ArgumentError,
  accuracy,
  auc,
  balancedAccuracy,
  Callback,
  type CompileOptions,
  confusionMatrix,
  confusionMetric,
  DataError,
  Dense,
  decodeSafetensors,
  EarlyStopping,
  encodeSafetensors,
  type FitOptions,
  f1Score,
  type Loss,
  type Metric,
  type MetricName,
  type MetricsReport,
  precision,
  r2Score,
  recall,
  rootMeanSquaredError,
  Sequential,
  ShapeError,
  type Tensor,
  tensor,
  topKCategoricalAccuracy,
} from '../src/index.ts';
import { resolveMetric } from '../src/nn/metrics.ts';
import { rejects } from './interruption.ts';
import type { MetricNames } from './publicNames.ts';
import { assertClose, distinct, draw } from './support.ts';

const test = suite('rare metrics');

const COUNT = 53;
const CLASSES = 5;

/** A loss that takes any labels. */
const none: Loss = { name: 'none', perExample: (_, output) => output.reshape([output.shape[0], -1]).sum(1).mul(0) };

/** A model that gives what it is given. */
const identity = (width: number, options: Omit<CompileOptions, 'loss'>): Sequential =>
  new Sequential([new Activation('linear', { inputShape: [width] })]).compile({ loss: none, ...options });

type Rows = readonly (readonly number[])[];

interface Case {
  readonly name: string;
  readonly metric: Metric;
  /** [examples] or rows. */
  readonly labels: Int32Array | Rows;
  readonly outputs: Rows;
  /** By the weights of the examples. */
  readonly expected: (weights: readonly number[]) => number;
}

const rowsOf = (values: ArrayLike<number>, width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, row) =>
    Array.from({ length: width }, (_, column) => values[row * width + column]),
  );
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const share = (a: number, b: number): number => (b === 0 ? 0 : a / b);
const largest = (row: readonly number[]): number => row.indexOf(Math.max(...row));

const scores = rowsOf(distinct([COUNT, CLASSES]).values, CLASSES);
const probabilities = scores.map((row) => row.map((value) => Math.fround(value / 4 + 0.5)));
const ids = Int32Array.from({ length: COUNT }, (_, i) => (i * i + (i >> 2)) % (CLASSES - 1));
const oneHot = Array.from(ids, (id) => Array.from({ length: CLASSES }, (_, c) => Number(c === id)));
const bits = rowsOf(
  draw([COUNT, CLASSES]).values.map((value) => Number(value > 0.4)),
  CLASSES,
);
const single = probabilities.map(([value]) => [value]);
const yes = bits.map(([value]) => [value]);
const numbers = rowsOf(draw([COUNT, 3], 1, 4).values, 3);
const guesses = rowsOf(draw([COUNT, 3], 1, 4).values, 3);

/** Weight, label and output of every question, of one column or of all. */
const questions = (
  labels: Rows,
  outputs: Rows,
  weights: readonly number[],
  column?: number,
): { w: number; y: number; p: number }[] =>
  labels.flatMap((row, i) =>
    row.flatMap((y, c) => (column === undefined || c === column ? [{ w: weights[i], y, p: outputs[i][c] }] : [])),
  );

/** True and false positives, and false negatives. */
function counts(list: readonly { w: number; y: number; p: number }[], threshold: number) {
  const sum = (which: (y: number, above: boolean) => boolean): number =>
    total(list.map(({ w, y, p }) => (which(y, p > threshold) ? w : 0)));
  return {
    tp: sum((y, above) => y === 1 && above),
    fp: sum((y, above) => y === 0 && above),
    fn: sum((y, above) => y === 1 && !above),
    tn: sum((y, above) => y === 0 && !above),
  };
}

/** As Keras' `AUC.result` has it. */
function areaOf(
  labels: Rows,
  outputs: Rows,
  weights: readonly number[],
  curve: string,
  method: string,
  thresholds: number,
) {
  const list = questions(labels, outputs, weights);
  const at = Array.from({ length: thresholds }, (_, i) =>
    counts(list, i === 0 ? -1e-7 : i === thresholds - 1 ? 1 + 1e-7 : Math.fround(i / (thresholds - 1))),
  );
  let area = 0;
  for (let i = 0; i + 1 < thresholds; i++) {
    const [a, b] = [at[i], at[i + 1]];
    if (curve === 'PR' && method === 'interpolation') {
      const [pa, pb] = [a.tp + a.fp, b.tp + b.fp];
      const slope = share(a.tp - b.tp, Math.max(pa - pb, 0));
      const intercept = b.tp - slope * pb;
      const ratio = pa > 0 && pb > 0 ? pa / pb : 1;
      area += share(slope * (a.tp - b.tp + intercept * Math.log(ratio)), b.tp + b.fn);
      continue;
    }
    const point = ({ tp, fp, fn, tn }: typeof a): [number, number] =>
      curve === 'ROC' ? [share(fp, fp + tn), share(tp, tp + fn)] : [share(tp, tp + fn), share(tp, tp + fp)];
    const [[xa, ya], [xb, yb]] = [point(a), point(b)];
    const height = method === 'minoring' ? Math.min(ya, yb) : method === 'majoring' ? Math.max(ya, yb) : (ya + yb) / 2;
    area += (xa - xb) * height;
  }
  return area;
}

/** F1 of each class, and how much of each is labelled. */
function f1Of(
  labels: Rows,
  answers: Rows,
  weights: readonly number[],
): { scores: number[]; labelled: number[]; all: number } {
  const each = labels[0].map((_, c) => counts(questions(labels, answers, weights, c), 0.5));
  const score = ({ tp, fp, fn }: { tp: number; fp: number; fn: number }): number => share(2 * tp, 2 * tp + fp + fn);
  return {
    scores: each.map(score),
    labelled: each.map(({ tp, fn }) => tp + fn),
    all: score(counts(questions(labels, answers, weights), 0.5)),
  };
}

const mean = (values: readonly number[], weights: readonly number[]): number =>
  total(values.map((value, i) => value * weights[i])) / total([...weights]);
const inTop = (k: number) => (weights: readonly number[]) =>
  mean(
    scores.map((row, i) => Number(row.filter((value) => value > row[ids[i]]).length < k)),
    weights,
  );
const predicted = scores.map((row) => row.map((_, c) => Number(c === largest(row))));
const r2Of = (weights: readonly number[], weighted: boolean): number => {
  const parts = [0, 1, 2].map((c) => {
    const label = numbers.map((row) => row[c]);
    const middle = mean(label, weights);
    return {
      spread: total(label.map((y, i) => weights[i] * (y - middle) ** 2)),
      left: total(label.map((y, i) => weights[i] * (y - guesses[i][c]) ** 2)),
    };
  });
  const [left, spread] = [total(parts.map((one) => one.left)), total(parts.map((one) => one.spread))];
  return weighted ? 1 - left / spread : total(parts.map((one) => 1 - one.left / one.spread)) / 3;
};

const binary = { labels: bits, outputs: probabilities };
/** The mean of what is made of each difference. */
const errors = (name: MetricName, of: (difference: number) => number): Case => ({
  name,
  metric: resolveMetric(name, none),
  labels: numbers,
  outputs: guesses,
  expected: (w) =>
    mean(
      numbers.map((row, i) => total(row.map((y, c) => of(y - guesses[i][c]))) / 3),
      w,
    ),
});

/** One that is public, or that `compile` takes by name, and has none here does not compile. */
const cases: Readonly<Record<MetricNames | MetricName, readonly Case[]>> = {
  topKCategoricalAccuracy: [
    {
      name: 'top 2 of ids',
      metric: topKCategoricalAccuracy({ k: 2 }),
      labels: ids,
      outputs: scores,
      expected: inTop(2),
    },
    {
      name: 'top 3 of rows',
      metric: topKCategoricalAccuracy({ k: 3 }),
      labels: oneHot,
      outputs: scores,
      expected: inTop(3),
    },
    { name: 'top 5 of 5', metric: topKCategoricalAccuracy(), labels: ids, outputs: scores, expected: () => 1 },
  ],
  precision: [
    {
      name: 'precision',
      metric: precision(),
      ...binary,
      expected: (w) => {
        const { tp, fp } = counts(questions(bits, probabilities, w), 0.5);
        return tp / (tp + fp);
      },
    },
    {
      name: 'precision where nothing is a yes',
      metric: precision({ threshold: 2 }),
      ...binary,
      expected: () => 0,
    },
  ],
  recall: [
    {
      name: 'recall above 0.3',
      metric: recall({ threshold: 0.3 }),
      ...binary,
      expected: (w) => {
        const { tp, fn } = counts(questions(bits, probabilities, w), 0.3);
        return tp / (tp + fn);
      },
    },
    {
      name: 'recall of class ids, one class',
      metric: recall({ classId: 2 }),
      labels: ids,
      outputs: probabilities,
      expected: (w) => {
        const { tp, fn } = counts(questions(oneHot, probabilities, w, 2), 0.5);
        return tp / (tp + fn);
      },
    },
  ],
  f1Score: [
    {
      name: 'F1, macro, by the largest',
      metric: f1Score(),
      labels: ids,
      outputs: scores,
      expected: (w) => total(f1Of(oneHot, predicted, w).scores) / CLASSES,
    },
    {
      name: 'F1, weighted, by the largest',
      metric: f1Score({ average: 'weighted' }),
      labels: oneHot,
      outputs: scores,
      expected: (w) => {
        const { scores, labelled } = f1Of(oneHot, predicted, w);
        return mean(scores, labelled);
      },
    },
    {
      name: 'F1, micro, by a threshold of 0',
      metric: f1Score({ average: 'micro', threshold: 0 }),
      labels: bits,
      outputs: scores,
      expected: (w) =>
        f1Of(
          bits,
          scores.map((row) => row.map((value) => Number(value > 0))),
          w,
        ).all,
    },
    {
      name: 'F1 of one output',
      metric: f1Score(),
      labels: yes,
      outputs: single,
      expected: (w) =>
        f1Of(
          yes,
          single.map(([value]) => [Number(value > 0.5)]),
          w,
        ).all,
    },
  ],
  auc: [
    ...(['ROC', 'PR'] as const).flatMap((curve) =>
      (['interpolation', 'minoring', 'majoring'] as const).map((summationMethod) => ({
        name: `AUC, ${curve}, ${summationMethod}`,
        metric: auc({ curve, summationMethod, numThresholds: 37 }),
        labels: yes,
        outputs: single,
        expected: (w: readonly number[]) => areaOf(yes, single, w, curve, summationMethod, 37),
      })),
    ),
    {
      name: 'AUC of many outputs',
      metric: auc(),
      ...binary,
      expected: (w) => areaOf(bits, probabilities, w, 'ROC', 'interpolation', 200),
    },
    {
      name: 'AUC of one kind of label alone',
      metric: auc(),
      labels: yes.map(() => [1]),
      outputs: single,
      expected: () => 0,
    },
  ],
  rootMeanSquaredError: [
    {
      name: 'root mean squared error',
      metric: rootMeanSquaredError(),
      labels: numbers,
      outputs: guesses,
      expected: (w) =>
        Math.sqrt(
          mean(
            numbers.map((row, i) => total(row.map((y, c) => (y - guesses[i][c]) ** 2)) / 3),
            w,
          ),
        ),
    },
  ],
  r2Score: [
    { name: 'R²', metric: r2Score(), labels: numbers, outputs: guesses, expected: (w) => r2Of(w, false) },
    {
      name: 'R² by variance',
      metric: r2Score({ average: 'varianceWeighted' }),
      labels: numbers,
      outputs: guesses,
      expected: (w) => r2Of(w, true),
    },
  ],
  balancedAccuracy: [
    {
      name: 'balanced accuracy',
      metric: balancedAccuracy(),
      labels: ids,
      outputs: scores,
      expected: (w) => {
        const of = (c: number): number => {
          const own = w.map((weight, i) => (ids[i] === c ? weight : 0));
          return mean(
            scores.map((row) => Number(largest(row) === c)),
            own,
          );
        };
        // No example is of the last class.
        return total([0, 1, 2, 3].map(of)) / 4;
      },
    },
  ],
  confusionMetric: [
    {
      name: 'a cell of the confusion matrix of one output',
      metric: confusionMetric({ name: 'missed', value: (matrix) => matrix[1][0] }),
      labels: yes,
      outputs: single,
      expected: (w) => counts(questions(yes, single, w), 0.5).fn,
    },
  ],
  accuracy: [
    { name: 'accuracy of ids', metric: accuracy(none), labels: ids, outputs: scores, expected: inTop(1) },
    { name: 'accuracy of rows', metric: accuracy(none), labels: oneHot, outputs: scores, expected: inTop(1) },
    {
      name: 'accuracy of one output',
      metric: accuracy(none),
      labels: yes,
      outputs: single,
      expected: (w) =>
        mean(
          single.map(([p], i) => Number(Number(p > 0.5) === yes[i][0])),
          w,
        ),
    },
  ],
  meanSquaredError: [errors('meanSquaredError', (error) => error ** 2)],
  mse: [errors('mse', (error) => error ** 2)],
  meanAbsoluteError: [errors('meanAbsoluteError', Math.abs)],
  mae: [errors('mae', Math.abs)],
};
const allCases = Object.values(cases).flat();

const ones = new Array<number>(COUNT).fill(1);
const weights = Array.from({ length: COUNT }, (_, i) => [0.5, 0, 2, 1.25][i % 4]);
const given = (labels: Int32Array | Rows): Int32Array | Tensor =>
  labels instanceof Int32Array ? labels : tensor(labels.map((row) => [...row]));

/** Those of the same labels and outputs, of which one model tells all. */
const groups = allCases.filter(
  (one, at) => allCases.findIndex(({ labels, outputs }) => labels === one.labels && outputs === one.outputs) === at,
);

for (const { labels, outputs } of groups) {
  const group = allCases.filter((one) => one.labels === labels && one.outputs === outputs);
  const names = group.map(({ name }) => name);
  test(`${names.join('; ')}: evaluate and fit come to float64's values, by weights and without`, async () => {
    const x = tensor(outputs.map((row) => [...row]));
    const y = given(labels);
    const metrics = group.map(({ name, metric }) => ({ ...metric, name }));
    const model = identity(outputs[0].length, { metrics, weightedMetrics: metrics });
    const check = (logs: Record<string, number>, prefix: string, what: string, weighted = weights): void => {
      for (const { name, expected } of group) {
        assertClose([logs[`${prefix}${name}`]], [expected(ones)], `${what}, ${name}`, 2e-5);
        assertClose([logs[`${prefix}weighted_${name}`]], [expected(weighted)], `${what}, weighted ${name}`, 2e-5);
      }
    };
    const options = { batchSize: 7, sampleWeight: weights };
    check(await model.evaluate(x, y, options), '', 'evaluate');
    check(await model.evaluate(x, y, { batchSize: COUNT }), '', 'evaluate without weights', ones);
    const fitting: FitOptions = { ...options, batchSize: 20, microBatchSize: 6, verbose: 0 };
    const { history } = await model.fit(x, y, { ...fitting, validationData: [x, y, tensor(weights)] });
    const logs = Object.fromEntries(Object.entries(history).map(([key, values]) => [key, values[0]]));
    check(logs, '', 'fit in parts');
    check(logs, 'val_', 'validation');
    model.dispose();
  });
}

test("they come to the numbers of Keras' documentation", async () => {
  const value = async (
    metric: Metric,
    labels: Rows,
    outputs: Rows,
    sampleWeight?: readonly number[],
  ): Promise<number> => {
    const model = identity(outputs[0].length, { weightedMetrics: [metric] });
    const [x, y] = [outputs, labels].map((rows) => tensor(rows.map((row) => [...row])));
    const logs = await model.evaluate(x, y, { sampleWeight: sampleWeight && [...sampleWeight] });
    model.dispose();
    return Number(logs[metric.name].toFixed(6));
  };
  const column = (...values: number[]): Rows => values.map((one) => [one]);
  const three = auc({ numThresholds: 3 });
  assert.is(await value(three, column(0, 0, 1, 1), column(0, 0.5, 0.3, 0.9)), 0.75);
  assert.is(await value(three, column(0, 0, 1, 1), column(0, 0.5, 0.3, 0.9), [1, 0, 0, 1]), 1);
  assert.is(await value(precision(), column(0, 1, 1, 1), column(1, 0, 1, 1)), 0.666667);
  assert.is(await value(precision(), column(0, 1, 1, 1), column(1, 0, 1, 1), [0, 0, 1, 0]), 1);
  assert.is(await value(recall(), column(0, 1, 1, 1), column(1, 0, 1, 1), [0, 0, 1, 0]), 1);
  assert.is(await value(r2Score(), column(1, 4, 3), column(2, 4, 4)), 0.571429);
  assert.is(
    await value(
      rootMeanSquaredError(),
      [
        [0, 1],
        [0, 0],
      ],
      [
        [1, 1],
        [0, 0],
      ],
      [1, 0],
    ),
    Number(Math.SQRT1_2.toFixed(6)),
  );
  const labels = [
    [1, 1, 1],
    [1, 0, 0],
    [1, 1, 0],
  ];
  const outputs = [
    [0.2, 0.6, 0.7],
    [0.2, 0.6, 0.6],
    [0.6, 0.8, 0],
  ];
  assert.is(await value(f1Score({ threshold: 0.5 }), labels, outputs), Number(((0.5 + 0.8 + 2 / 3) / 3).toFixed(6)));
});

test('class weights and zero weights count in weighted metrics alone', async () => {
  const model = identity(2, {
    metrics: ['accuracy'],
    weightedMetrics: ['accuracy', topKCategoricalAccuracy({ k: 1 })],
  });
  const classifier: Loss = { ...none, labelKind: 'classIds' };
  model.compile({
    loss: classifier,
    metrics: ['accuracy'],
    weightedMetrics: ['accuracy', topKCategoricalAccuracy({ k: 1 })],
  });
  const x = tensor([
    [1, 0],
    [1, 0],
    [0, 1],
    [1, 0],
  ]);
  const { history } = await model.fit(x, Int32Array.of(0, 0, 1, 1), {
    verbose: 0,
    batchSize: 3,
    classWeight: { 0: 2, 1: 3 },
  });
  assert.equal(history.accuracy, [0.75]);
  assert.equal(history.weighted_accuracy, [0.7]);
  assert.equal(history.top_k_categorical_accuracy, [0.7]);
  const logs = await model.evaluate(x, Int32Array.of(0, 0, 1, 1), { sampleWeight: [0, 0, 0, 0] });
  assert.is(logs.accuracy, 0.75);
  assert.ok(Number.isNaN(logs.weighted_accuracy), 'a mean of nothing is no number');
  model.dispose();
});

test('a NaN among outputs is in the result', async () => {
  const metrics = [precision(), recall(), f1Score(), auc(), r2Score(), rootMeanSquaredError(), balancedAccuracy()];
  const model = identity(2, { metrics: [...metrics, topKCategoricalAccuracy({ k: 1 })] });
  // Computed, so that inputs are not refused.
  const x = tensor([
    [0.2, 0.7],
    [0.1, 0.3],
  ])
    .div([
      [1, 1],
      [1, 0],
    ])
    .mul([
      [1, 1],
      [1, 0],
    ]);
  const logs = await model.evaluate(x, [
    [0, 1],
    [0, 1],
  ]);
  for (const { name } of metrics) assert.ok(Number.isNaN(logs[name]), `${name} ${logs[name]}`);
  assert.ok(Number.isNaN(logs.top_k_categorical_accuracy));
  model.dispose();
});

test('metrics of sums of your own: several numbers, their size by the outputs, and one number', async () => {
  const widest: Metric = {
    name: 'range',
    size: ([width]) => 2 * width,
    perExample: (labels, output) =>
      tensor([[1, 0, 1, 0]])
        .mul(0)
        .add(1)
        .mul(
          labels.sub(output).matmul([
            [1, 0, 1, 0],
            [0, 1, 0, 1],
          ]),
        ),
    value: (sums, weight) => (sums[0] + 10 * sums[1] + 100 * sums[2] + 1000 * sums[3]) / weight,
  };
  const root: Metric = {
    name: 'root',
    perExample: (_, output) => output.square().sum(-1),
    value: ([sum]) => Math.sqrt(sum),
  };
  const model = identity(2, { metrics: [widest, root] });
  const logs = await model.evaluate(
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    [
      [2, 4],
      [4, 6],
      [6, 8],
    ],
    { batchSize: 2 },
  );
  assert.is(logs.range, 1 + 20 + 100 + 2000);
  assert.ok(Math.abs(logs.root - Math.sqrt(91)) < 1e-5);
  model.dispose();
});

test('more metrics than a kernel binds buffers', async () => {
  const metrics = Array.from(
    { length: 20 },
    (_, at): Metric => ({ name: `m${at}`, perExample: (_, output) => output.sum(-1).add(at) }),
  );
  const model = identity(2, { metrics: [...metrics, auc()] });
  const logs = await model.evaluate(
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    [
      [0, 0],
      [1, 1],
      [0, 1],
    ],
    { batchSize: 2 },
  );
  assert.equal(
    metrics.map(({ name }) => logs[name]),
    metrics.map((_, at) => 7 + at),
  );
  model.dispose();
});

test('callbacks see them as one number: means so far, windows, and a direction by the name', async () => {
  const reports: MetricsReport[] = [];
  class Reports extends Callback {
    override get everyMetrics(): boolean {
      return true;
    }
    override onMetrics(report: MetricsReport): void {
      reports.push(report);
    }
  }
  const x = tensor(scores.map((row) => [...row]));
  const model = identity(CLASSES, { metrics: [auc(), rootMeanSquaredError()] });
  for (const [key, mode] of Object.entries({
    auc: 'max',
    val_weighted_recall: 'max',
    r2_score: 'max',
    f1_score: 'max',
    balanced_accuracy: 'max',
    top_k_categorical_accuracy: 'max',
    root_mean_squared_error: 'min',
  })) {
    assert.is(new EarlyStopping({ monitor: key }).mode, mode, key);
  }
  await model.fit(x, tensor(bits.map((row) => [...row])), {
    batchSize: 20,
    shuffle: false,
    verbose: 0,
    callbacks: [new Reports()],
  });
  const error = (begin: number, end: number): number =>
    Math.sqrt(
      total(
        scores.slice(begin, end).map((row, i) => total(row.map((p, c) => (p - bits[begin + i][c]) ** 2)) / CLASSES),
      ) /
        (end - begin),
    );
  const key = 'root_mean_squared_error';
  assertClose(
    reports.map(({ window }) => window[key]),
    [error(0, 20), error(20, 40), error(40, COUNT)],
    'windows',
  );
  assertClose(
    reports.map(({ mean }) => mean[key]),
    [error(0, 20), error(0, 40), error(0, COUNT)],
    'so far',
  );
  model.dispose();
});

const learner = (): Sequential =>
  new Sequential([new Dense(CLASSES, { activation: 'softmax', inputShape: [CLASSES] })], { seed: 3 }).compile({
    loss: 'sparseCategoricalCrossentropy',
    metrics: [auc({ name: 'area', curve: 'PR' }), 'accuracy'],
    weightedMetrics: [f1Score({ average: 'micro' }), recall({ classId: 1 }), 'accuracy'],
  });

test('a training that goes on in the midst of an epoch comes to the same', async () => {
  class Keep extends Callback {
    bytes: Uint8Array | null = null;
    override async onTrainBatchEnd(batch: number): Promise<void> {
      if (batch === 3) this.bytes = await learning.toSafetensors();
    }
  }
  const x = tensor(scores.map((row) => [...row]));
  const options = { batchSize: 8, verbose: 0, epochs: 2, sampleWeight: weights } as const;
  const learning = learner();
  const keep = new Keep();
  await learning.fit(x, ids, { ...options, epochs: 1, callbacks: [keep] });
  const whole = learner();
  const { history } = await whole.fit(x, ids, options);
  const resumed = learner();
  assert.ok(keep.bytes !== null && (await resumed.resume(keep.bytes)));
  assert.equal((await resumed.fit(x, ids, options)).history, history);
  for (const model of [learning, whole, resumed]) model.dispose();
});

test('a file holds them with their options', async () => {
  const x = tensor(scores.map((row) => [...row]));
  const model = learner();
  const bytes = await model.toSafetensors();
  const copy = await Sequential.fromSafetensors(bytes);
  const options = { sampleWeight: weights };
  const logs = await model.evaluate(x, ids, options);
  assert.equal(await copy.evaluate(x, ids, options), logs);
  assert.equal(Object.keys(logs), ['loss', 'area', 'accuracy', 'f1_score', 'recall', 'weighted_accuracy']);
  const { tensors, metadata } = decodeSafetensors(bytes);
  for (const [from, to] of [
    ['"kind":"auc"', '"kind":"toString"'],
    ['"curve":"PR"', '"curve":"XY"'],
    ['"weightedMetrics":[', '"weightedMetrics":[7,'],
  ]) {
    assert.ok(metadata.goal.includes(from), from);
    const goal = metadata.goal.replace(from, to);
    const damaged = encodeSafetensors(
      [...tensors].map(([name, { shape, data }]) => ({ name, shape, data })),
      { ...metadata, goal },
    );
    await rejects(() => Sequential.fromSafetensors(damaged), DataError, '. ');
  }
  // One of your own is named.
  const own = confusionMetric({ name: 'first', value: (matrix) => matrix[0][0] });
  const lacking = await Sequential.fromSafetensors(
    await model.compile({ loss: 'sparseCategoricalCrossentropy', weightedMetrics: [own] }).toSafetensors(),
  );
  await rejects(async () => lacking.evaluate(x, ids), Error, "the metric 'first' of your own");
  const known = await Sequential.fromSafetensors(await model.toSafetensors(), { customObjects: { first: own } });
  assert.type((await known.evaluate(x, ids)).first, 'number');
  for (const one of [model, copy, lacking, known]) one.dispose();
});

test('memory() counts what they take', async () => {
  const bare = new Sequential([new Dense(CLASSES, { inputShape: [CLASSES] })]).compile({ loss: 'mse' });
  const { dataBytes } = await bare.memory({ batchSize: 8 });
  bare.compile({ loss: 'mse', metrics: [auc({ numThresholds: 1000 })] });
  assert.ok((await bare.memory({ batchSize: 8 })).dataBytes >= dataBytes + 3 * 2000 * 4);
});

test('a confusion matrix of ids and of rows, by weights', async () => {
  const expected = (w: readonly number[]): number[][] => {
    const matrix = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0));
    scores.forEach((row, i) => {
      matrix[ids[i]][largest(row)] += w[i];
    });
    return matrix;
  };
  const rows = scores.map((row) => [...row]);
  const classes = Int32Array.from(scores, largest);
  assert.equal(await confusionMatrix(ids, rows).array(), expected(ones));
  assert.equal(await confusionMatrix(oneHot, classes, { weights: tensor(weights) }).array(), expected(weights));
  assert.equal(await confusionMatrix(ids, classes, { classes: CLASSES }).array(), expected(ones));
  assert.equal(await confusionMatrix([0, 1, 7, -1], [0, 0, 1, 1], { classes: 2 }).array(), [
    [1, 0],
    [1, 0],
  ]);
  const throws = (run: () => unknown, kind: typeof ArgumentError | typeof ShapeError, ...words: string[]): void =>
    assert.throws(
      run,
      (error: unknown) => error instanceof kind && words.every((word) => String(error).includes(word)),
    );
  throws(() => confusionMatrix(ids, classes), ShapeError, 'Give the option classes');
  throws(() => confusionMatrix(ids, [1, 2], { classes: 3 }), ShapeError, '[53]', '[2]');
  throws(() => confusionMatrix(ids, classes, { classes: 0 }), ArgumentError, 'classes');
});

test('what is refused, with the name and the remedy', async () => {
  for (const [make, ...words] of [
    [() => auc({ numThresholds: 1 }), 'auc', 'numThresholds', '1'],
    [() => auc({ curve: 'Roc' as 'ROC' }), 'auc', 'curve', "'ROC'"],
    [() => f1Score({ average: 'none' as 'micro' }), 'f1Score', 'average'],
    [() => precision({ threshold: Number.NaN }), 'precision', 'threshold'],
    [() => recall({ classId: 1.5 }), 'recall', 'classId'],
    [() => topKCategoricalAccuracy({ k: 0 }), 'topKCategoricalAccuracy', 'k must'],
    [() => r2Score({ name: '' }), 'r2Score', 'name'],
    [() => confusionMetric({ name: 'x' } as never), 'confusionMetric', 'value', 'a function of the matrix'],
    [() => identity(1, { weightedMetrics: 'auc' as never }), 'weightedMetrics'],
    [() => identity(1, { weightedMetrics: [auc(), auc()] }), "two metrics would be 'auc'"],
    [
      () => identity(1, { metrics: [auc(), { ...auc(), name: 'weighted_auc' }], weightedMetrics: [auc()] }),
      "two metrics would be 'weighted_auc'",
    ],
  ] as const) {
    assert.throws(make, (error: unknown) => {
      for (const word of words) assert.ok(String(error).includes(word), `'${word}' in: ${error}`);
      return error instanceof ArgumentError;
    });
  }
  const one: Metric = { name: 'sized', size: 3, perExample: (_, output) => output.sum(-1) };
  for (const [metric, kind, ...words] of [
    [one, ShapeError, "'sized'", '[1]', '[1, 3]', '3 numbers'],
    [{ ...one, size: 0 }, ArgumentError, "'sized'", 'size must'],
    [precision({ classId: 4 }), ShapeError, 'precision', 'no output 4 of 3'],
    [precision(), ShapeError, 'precision', '[1, 3]'],
    [topKCategoricalAccuracy(), ShapeError, 'top_k', '[1, 3]'],
  ] as const) {
    const wide = metric.size === 2 && words[1].startsWith('no output');
    const model = identity(wide ? 3 : 2, { metrics: [metric] });
    await rejects(() => model.evaluate([wide ? [1, 2, 3] : [1, 2]], [[1, 2, 3]]), kind, ...words);
  }
});

test.run();
