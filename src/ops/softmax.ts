/** Softmax along the last axis, its logarithm, and cross-entropy fused with it. */

import { checkNumber } from '../base/checks.ts';
import { GradientError, ShapeError } from '../base/errors.ts';
import { formatShape, sizeOf } from '../base/shape.ts';
import {
  type BuiltInOp,
  createNode,
  expectDtype,
  expectRank,
  type Node,
  type RowKernel,
  refuseInt32,
} from '../ir/op.ts';
import { alongRows } from './alongRows.ts';
import { add, copy, clip as cut, equal, exp, log, mul, NONE, type None, sub, where } from './elementwise.ts';
import { fullNode } from './leaf.ts';
import { sum } from './reduce.ts';
import { reshape } from './reshape.ts';

function rowsKernel(label: string, node: Node, logarithm: boolean): RowKernel {
  const columns = node.shape.at(-1) ?? 1;
  const rows = sizeOf(node.shape) / columns;
  const template = {
    label,
    holes: { LOG: logarithm },
    reads: [{ name: 'x', operand: node.inputs[0], element: 'f32' }],
    uniforms: { rows, columns },
  };
  return { template, text: 'softmax', rows, columns, labels: false, writes: true };
}

function withLastAxis(x: Node, who: string): Node {
  expectDtype(x, 'float32', who);
  if (x.shape.length === 0) throw new ShapeError(`${who}: a scalar has no last axis. Give at least one dimension.`);
  return x;
}

const BEFORE_LAST: BuiltInOp<None>['partition'] = {
  cuts: ({ shape }, axis) => (axis < shape.length - 1 ? [axis] : []),
};

export const softmaxOp: BuiltInOp<None> = {
  name: 'softmax',
  infer: ([x]) => ({ shape: withLastAxis(x, 'softmax').shape, dtype: 'float32' }),
  gradient: (y, g) => [mul(y, sub(g, sum(mul(g, y), -1, true)))],
  partition: BEFORE_LAST,
  lowering: alongRows('softmax', (node) => rowsKernel('softmax', node, false)),
};
export const softmax = (x: Node): Node => createNode(softmaxOp, [x], NONE);

export const logSoftmaxOp: BuiltInOp<None> = {
  name: 'logSoftmax',
  infer: ([x]) => ({ shape: withLastAxis(x, 'logSoftmax').shape, dtype: 'float32' }),
  gradient: (y, g) => [sub(g, mul(exp(y), sum(g, -1, true)))],
  partition: BEFORE_LAST,
  lowering: alongRows('logSoftmax', (node) => rowsKernel('logSoftmax', node, true)),
};
export const logSoftmax = (x: Node): Node => createNode(logSoftmaxOp, [x], NONE);

export interface CrossEntropyAttributes {
  readonly labelSmoothing: number;
  /** Smallest probability kept, 0 for the exact form. */
  readonly clip: number;
  /** In a gradient without a third input: the upstream gradient of every example. */
  readonly upstream?: number;
}

function crossEntropyKernel(label: string, { inputs, attributes }: Node<CrossEntropyAttributes>): RowKernel {
  const [logits, labels, upstream] = inputs;
  const { labelSmoothing, clip, upstream: constant } = attributes;
  const [rows, columns] = logits.shape;
  const byIds = areIds(labels);
  const slope = upstream !== undefined || constant !== undefined;
  const template = {
    label,
    holes: { IDS: byIds, CLIP: clip > 0, GRADIENT: slope, CONSTANT: constant !== undefined },
    reads: [
      { name: 'x', operand: logits, element: 'f32' },
      { name: 'labels', operand: labels, element: labels.dtype === 'int32' ? 'i32' : 'f32' },
      ...(upstream === undefined ? [] : [{ name: 'upstream', operand: upstream, element: 'f32' }]),
    ],
    uniforms: { rows, columns },
    floats: { smoothing: labelSmoothing, clip, upstream: constant ?? 0 },
  };
  return { template, text: 'softmax_cross_entropy', rows, columns, labels: !byIds, writes: slope };
}

/** Class ids are chosen, not moved: no gradient flows to them. */
const areIds = (labels: Node): boolean => labels.shape.length === 1;

/** One number an example, [batch] to [batch, 1]. */
const column = (x: Node): Node => reshape(x, [x.shape[0], 1]);

/** What the smoothed labels of each example add up to [batch]: 1 for an id, and NaN for one that is none. */
function massOf({ inputs: [logits, labels], attributes }: Node<CrossEntropyAttributes>): Node {
  const { labelSmoothing } = attributes;
  if (!areIds(labels)) return add(mul(sum(labels, -1), fullNode(1 - labelSmoothing)), fullNode(labelSmoothing));
  const loss = createNode(softmaxCrossEntropyOp, [logits, labels], attributes);
  return where(equal(loss, loss), fullNode(1), loss);
}

export const softmaxCrossEntropyOp: BuiltInOp<CrossEntropyAttributes> = {
  name: 'softmaxCrossEntropy',
  infer([logits, labels]) {
    expectDtype(logits, 'float32', 'softmaxCrossEntropy');
    expectRank(logits, 2, 'softmaxCrossEntropy', 'logits [batch, classes]');
    const [batch, classes] = logits.shape;
    const fits =
      labels.shape[0] === batch &&
      (labels.shape.length === 1 || (labels.shape.length === 2 && labels.shape[1] === classes));
    if (!fits) {
      throw new ShapeError(
        `softmaxCrossEntropy: logits ${formatShape(logits.shape)} expect labels [${batch}] (class ids) or [${batch}, ${classes}] ` +
          `(a distribution a row), got ${formatShape(labels.shape)}. Reshape the labels or use oneHot.`,
      );
    }
    return { shape: [batch], dtype: 'float32' };
  },
  gradient({ inputs: [logits, labels], attributes }, g, needs) {
    const { labelSmoothing, clip } = attributes;
    const forLogits = (): Node => createNode(softmaxCrossEntropyGradientOp, [logits, labels, g], attributes);
    const forLabels = (): Node => {
      const logs = clip > 0 ? log(cut(softmax(logits), clip, 1 - clip)) : logSoftmax(logits);
      return mul(mul(column(g), fullNode(labelSmoothing - 1)), logs);
    };
    return [needs[0] ? forLogits() : null, needs[1] && !areIds(labels) ? forLabels() : null];
  },
  partition: { cuts: () => [{ inputs: [0, 0], result: 0 }] },
  lowering: alongRows('softmaxCrossEntropy', (node) => crossEntropyKernel('softmaxCrossEntropy', node)),
};

/** Inputs: logits, labels, and the upstream gradient [batch] unless it is one number. */
export const softmaxCrossEntropyGradientOp: BuiltInOp<CrossEntropyAttributes> = {
  name: 'softmaxCrossEntropyGradient',
  infer: ([logits]) => ({ shape: logits.shape, dtype: 'float32' }),
  gradient(node, g, needs) {
    const [logits, labels, upstream] = node.inputs;
    const { labelSmoothing, clip } = node.attributes;
    if ((needs[0] || needs[1]) && clip > 0) {
      throw new GradientError(
        'softmaxCrossEntropy: the clipped form has no second derivative here. Leave out `clip` where you need one.',
      );
    }
    const p = softmax(logits);
    // g less its mean under p: with d_j = p_j Σ y - y_j, Σ g d moves by p_j (g_j - Σ p g) Σ y with a logit, by Σ p g - g_j with a label.
    const centred = sub(g, sum(mul(p, g), -1, true));
    const forLogits = (): Node => mul(mul(column(mul(upstream, massOf(node))), p), centred);
    const forLabels = (): Node => mul(mul(column(upstream), fullNode(labelSmoothing - 1)), centred);
    const forUpstream = (): Node => {
      const ones = add(mul(upstream, fullNode(0)), fullNode(1));
      const unit = createNode(softmaxCrossEntropyGradientOp, [logits, labels, ones], node.attributes);
      return sum(mul(unit, g), -1);
    };
    return [
      needs[0] ? forLogits() : null,
      needs[1] && !areIds(labels) ? forLabels() : null,
      needs[2] ? forUpstream() : null,
    ];
  },
  partition: { cuts: () => [{ inputs: [0, 0, 0], result: 0 }] },
  // A loss that is a plain mean sends every example the same number.
  fold: ([logits, labels], [, , upstream], attributes) =>
    typeof upstream === 'number'
      ? createNode(softmaxCrossEntropyGradientOp, [logits, labels], { ...attributes, upstream })
      : null,
  lowering: alongRows('softmaxCrossEntropyGradient', (node) => crossEntropyKernel('softmaxCrossEntropyGradient', node)),
};

/** Options of `softmaxCrossEntropy`. */
export interface CrossEntropyOptions {
  /** Share of the label's mass spread over all classes, in [0, 1), default 0. */
  readonly labelSmoothing?: number;
  /** Keras' classic loss: probabilities are cut to [clip, 1 - clip]. Default: exact. */
  readonly clip?: number;
}

/** Loss of each example [batch]. */
export function softmaxCrossEntropyPerExample(
  logits: Node,
  labels: Node,
  { labelSmoothing = 0, clip = 0 }: CrossEntropyOptions = {},
): Node {
  const who = 'softmaxCrossEntropy';
  checkNumber(who, 'labelSmoothing', labelSmoothing, 'a number in [0, 1)', (n) => n >= 0 && n < 1, 'Use 0 for none.');
  checkNumber(who, 'clip', clip, 'a number in [0, 0.5)', (n) => n >= 0 && n < 0.5, 'Keras uses 1e-7; 0 is exact.');
  if (!areIds(labels)) refuseInt32([labels], `${who} (labels)`);
  const known = labels.dtype === 'uint8' ? copy(labels) : labels;
  return createNode(softmaxCrossEntropyOp, [logits, known], { labelSmoothing, clip });
}
