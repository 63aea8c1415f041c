/**
 * Keras' losses that `compile` knows no name of: a program loads those that it calls, such as `loss: huber({ delta: 2 })`.
 * Outputs of `softmax` and `sigmoid` are seen through where a loss takes probabilities.
 */

import { checkAbove, checkNotNegative, checkShare, flagOf } from '../base/checks.ts';
import { takeOptions } from '../base/optionNames.ts';
import { sigmoidCrossEntropy, sigmoidOp } from '../ops/elementwise.ts';
import { softmaxOp } from '../ops/softmax.ts';
import { Tensor } from '../tensor/tensor.ts';
import {
  alike,
  beforeOp,
  checkSmoothing,
  distributions,
  EPSILON,
  type Loss,
  type LossConfig,
  logitsOf,
  perExampleMean,
  probabilitiesOf,
  share,
  smoothed,
} from './losses.ts';

/** A mean over each example of a number for each output. */
const meanOf = (
  name: string,
  config: LossConfig,
  each: (label: Tensor, output: Tensor) => Tensor,
  more: Pick<Loss, 'costOfZero'> = {},
): Loss => ({
  name,
  config,
  ...more,
  perExample: (labels, output) => perExampleMean(each(alike(name, labels, output), output)),
});

/** Options of `huber`. */
export interface HuberOptions {
  /** Errors beyond this cost in proportion to themselves, below in proportion to their square; above 0, default 1. */
  readonly delta?: number;
}

/** Mean of error² / 2 where |error| is at most δ, else of δ |error| - δ² / 2. */
export function huber(options: HuberOptions = {}): Loss {
  const { delta } = takeOptions('huber', options, { delta: 1 });
  checkAbove('huber', 'delta', delta);
  return meanOf(
    'huber',
    { delta },
    (label, output) => {
      const error = output.sub(label).abs();
      const small = error.minimum(delta);
      return small.square().div(2).add(error.sub(small).mul(delta));
    },
    {
      costOfZero: (label) =>
        Math.min(Math.abs(label), delta) * (Math.abs(label) - Math.min(Math.abs(label), delta) / 2),
    },
  );
}

/** Mean of log(cosh(error)): as error² / 2 near 0, as |error| - log 2 far from it. */
export const logCosh = (): Loss =>
  meanOf(
    'logCosh',
    {},
    (label, output) => {
      const error = output.sub(label).abs();
      return error.add(error.mul(-2).softplus()).sub(Math.LN2);
    },
    { costOfZero: (label) => Math.abs(label) + Math.log1p(Math.exp(-2 * Math.abs(label))) - Math.LN2 },
  );

/** How far each output is from 1 on its label's side, at least 0; labels are -1 and 1, or 0 and 1. */
const missing = (label: Tensor, output: Tensor): Tensor =>
  label.sub(label.equal(0)).mul(output).neg().add(1).maximum(0);

/** Mean of max(1 - label · output, 0), of labels -1 and 1, or 0 and 1. */
export const hinge = (): Loss => meanOf('hinge', {}, missing);

/** Mean of max(1 - label · output, 0)², of labels -1 and 1, or 0 and 1. */
export const squaredHinge = (): Loss => meanOf('squaredHinge', {}, (label, output) => missing(label, output).square());

/** max(1 + the largest output of another class - that of the labelled class, 0), of one-hot labels. */
export const categoricalHinge = (): Loss => ({
  name: 'categoricalHinge',
  labelKind: 'distributions',
  config: {},
  labels: distributions,
  perExample(labels, output) {
    const label = alike('categoricalHinge', labels, output);
    const others = label.neg().add(1).mul(output).max(-1);
    return perExampleMean(others.sub(label.mul(output).sum(-1)).add(1).maximum(0));
  },
});

/** Sum of label · log(label / output) over the classes: how much more than the labels' own entropy the outputs cost. */
export const klDivergence = (): Loss => ({
  name: 'klDivergence',
  labelKind: 'distributions',
  probabilities: true,
  config: {},
  labels: distributions,
  perExample(labels, output) {
    const label = alike('klDivergence', labels, output).clip(EPSILON, 1);
    const logits = beforeOp(output, softmaxOp);
    const log = logits === null ? output.clip(EPSILON, 1).log() : logits.logSoftmax();
    return perExampleMean(label.mul(label.log().sub(log)).sum(-1));
  },
});

/** Less the cosine of the angle between labels and outputs along the last axis: from -1 where they point the same way to 1; 0 for zeros. */
export const cosineSimilarity = (): Loss => ({
  name: 'cosineSimilarity',
  config: {},
  perExample(labels, output) {
    const unit = (x: Tensor): Tensor =>
      x.div(
        x
          .square()
          .sum(-1, true)
          .maximum(EPSILON ** 2)
          .sqrt(),
      );
    return perExampleMean(
      unit(alike('cosineSimilarity', labels, output))
        .mul(unit(output))
        .sum(-1)
        .neg(),
    );
  },
});

/** Mean of output - label · log(output), for counts. */
export const poisson = (): Loss =>
  meanOf('poisson', {}, (label, output) => output.sub(label.mul(output.add(EPSILON).log())));

/** Options of `binaryFocalCrossentropy`. */
export interface BinaryFocalOptions {
  /** Weigh labels of 1 by `alpha` and those of 0 by 1 - `alpha`; default false. */
  readonly applyClassBalancing?: boolean;
  /** In [0, 1], default 0.25. */
  readonly alpha?: number;
  /** How much less what is known well counts; at least 0, default 2. */
  readonly gamma?: number;
  /** The outputs are logits; default false. An output of `sigmoid` is seen through in any case. */
  readonly fromLogits?: boolean;
  /** In [0, 1), default 0: labels move toward one half. */
  readonly labelSmoothing?: number;
}

const FOCAL_DEFAULTS = { alpha: 0.25, gamma: 2, fromLogits: false, labelSmoothing: 0 };

function checkFocal(name: string, { alpha, gamma, fromLogits, labelSmoothing }: typeof FOCAL_DEFAULTS): void {
  checkShare(name, 'alpha', alpha);
  checkNotNegative(name, 'gamma', gamma);
  flagOf(fromLogits, name, 'fromLogits');
  checkSmoothing(name, labelSmoothing);
}

/** Binary cross-entropy times (1 - the probability of the label)^gamma (Lin et al. 2017). Labels from 0 to 1. */
export function binaryFocalCrossentropy(options: BinaryFocalOptions = {}): Loss {
  const name = 'binaryFocalCrossentropy';
  const config = takeOptions<BinaryFocalOptions>(name, options, { applyClassBalancing: false, ...FOCAL_DEFAULTS });
  const { applyClassBalancing, alpha, gamma, fromLogits, labelSmoothing } = config;
  checkFocal(name, config);
  flagOf(applyClassBalancing, name, 'applyClassBalancing');
  return {
    name,
    labelKind: 'binary',
    probabilities: !fromLogits,
    config: { ...config },
    labels: () => share,
    perExample(labels, output) {
      const y = smoothed(alike(name, labels, output), labelSmoothing, 2);
      const no = y.neg().add(1);
      const logits = logitsOf(output, sigmoidOp, fromLogits);
      const p = logits === null ? output.clip(EPSILON, 1 - EPSILON) : logits.sigmoid();
      const q = logits === null ? p.neg().add(1) : logits.neg().sigmoid();
      const entropy =
        logits === null
          ? y.mul(p.log()).add(no.mul(q.log())).neg()
          : new Tensor(sigmoidCrossEntropy(logits.node, y.node));
      const focal = y.mul(q).add(no.mul(p)).pow(gamma).mul(entropy);
      return perExampleMean(applyClassBalancing ? focal.mul(y.mul(alpha).add(no.mul(1 - alpha))) : focal);
    },
  };
}

/** Options of `categoricalFocalCrossentropy`. */
export interface CategoricalFocalOptions {
  /** What all is multiplied by, in [0, 1]; default 0.25. */
  readonly alpha?: number;
  /** How much less what is known well counts; at least 0, default 2. */
  readonly gamma?: number;
  /** The outputs are logits; default false. An output of `softmax` is seen through in any case. */
  readonly fromLogits?: boolean;
  /** In [0, 1), default 0. */
  readonly labelSmoothing?: number;
}

/** Categorical cross-entropy, each class's part times alpha (1 - its probability)^gamma. Labels are rows, one-hot or any distribution. */
export function categoricalFocalCrossentropy(options: CategoricalFocalOptions = {}): Loss {
  const name = 'categoricalFocalCrossentropy';
  const config = takeOptions<CategoricalFocalOptions>(name, options, FOCAL_DEFAULTS);
  const { alpha, gamma, fromLogits, labelSmoothing } = config;
  checkFocal(name, config);
  return {
    name,
    labelKind: 'distributions',
    probabilities: !fromLogits,
    config: { ...config },
    labels: distributions,
    perExample(labels, output) {
      const classes = output.shape[output.rank - 1];
      const y = smoothed(alike(name, labels, output), labelSmoothing, classes);
      const logits = logitsOf(output, softmaxOp, fromLogits);
      const log = logits === null ? probabilitiesOf(output, EPSILON).log() : logits.logSoftmax();
      const known = log.exp().neg().add(1).maximum(0).pow(gamma);
      return perExampleMean(y.mul(log).mul(known).sum(-1).mul(-alpha));
    },
  };
}

/** Each makes a loss with its defaults, or with the options that its `config` has: for files. */
export const rareLosses = {
  huber,
  logCosh,
  hinge,
  squaredHinge,
  categoricalHinge,
  klDivergence,
  cosineSimilarity,
  poisson,
  binaryFocalCrossentropy,
  categoricalFocalCrossentropy,
} as const satisfies Readonly<Record<string, (options?: LossConfig) => Loss>>;

const known: Readonly<Record<string, (options?: LossConfig) => Loss>> = rareLosses;

/**
 * One of these from its saved name and `config`; null where it is none.
 * @throws ArgumentError for options that it does not take
 */
export const savedRareLoss = (name: string, config: LossConfig): Loss | null =>
  Object.hasOwn(known, name) ? known[name](config) : null;
