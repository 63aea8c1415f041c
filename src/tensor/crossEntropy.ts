/** Cross-entropy of many places with ids that do not count, and with weights of classes. */

import { checkWhole } from '../base/checks.ts';
import { ShapeError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { formatShape, sameShape } from '../base/shape.ts';
import { expectDtype } from '../ir/op.ts';
import { softmaxCrossEntropyPerExample } from '../ops/softmax.ts';
import { asTensor, ones } from './creation.ts';
import { gather, Tensor, type TensorLike, where } from './tensor.ts';

/** Options of `crossEntropy`. */
export interface ClassCrossEntropyOptions {
  /** An id whose places do not count, whatever their logits are, such as -1 or that of padding; default none. */
  readonly ignoreClass?: number;
  /** How much the places of each class count [classes]; default 1 each. */
  readonly classWeights?: TensorLike;
}

/**
 * Mean cross-entropy of softmax(logits [batch, ..., classes]) with class ids [batch, ...], as PyTorch's `cross_entropy` has it: over the
 * places that count, by the weights of their classes. NaN where none counts.
 * @throws DtypeError where the logits are int32
 * @throws ShapeError where there is not one id for each row of logits
 */
export function crossEntropy(logits: TensorLike, ids: TensorLike, options: ClassCrossEntropyOptions = {}): Tensor {
  const who = 'crossEntropy';
  checkOptions(who, options, { ignoreClass: true, classWeights: true });
  const { ignoreClass, classWeights } = options;
  const [x, y] = [asTensor(logits, who), asTensor(ids, who)];
  expectDtype(x.node, 'float32', who);
  const places = x.shape.slice(0, -1);
  if (x.rank < 2 || !sameShape(y.shape, places)) {
    throw new ShapeError(
      `${who}: expected logits [batch, ..., classes] and class ids [batch, ...], got ${formatShape(x.shape)} and ${formatShape(y.shape)}. ` +
        'Give one id for each row of logits.',
    );
  }
  const given = y.reshape([-1]).cast('int32');
  if (ignoreClass !== undefined) checkWhole(who, 'ignoreClass', ignoreClass, -(2 ** 31));
  const ignored = ignoreClass === undefined ? null : given.equal(ignoreClass);
  const flat = x.reshape([-1, x.shape[x.rank - 1]]);
  // What does not count gets an id that there is, and logits that are numbers: their gradient is 0 then, not NaN.
  const known = ignored === null ? given : where(ignored, Int32Array.of(0), given);
  const rows = ignored === null ? flat : where(ignored.reshape([-1, 1]), 0, flat);
  const losses = new Tensor(softmaxCrossEntropyPerExample(rows.node, known.node));
  const weights = classWeights === undefined ? ones(known.shape) : gather(classWeights, known);
  const counted = ignored === null ? weights : where(ignored, 0, weights);
  return losses.mul(counted).sum().div(counted.sum());
}
