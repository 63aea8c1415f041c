/** Tensors side by side in one buffer, such as the gradients of all weights. */

import { roundUp, sizeOf } from '../base/shape.ts';
import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import { OFFSET_ALIGNMENT } from '../ir/storage.ts';
import { copy, NONE, type None } from './elementwise.ts';

/** The elements that a packed tensor takes, so that the next one starts where every adapter can bind it. */
export const packedSize = (size: number): number => roundUp(size, OFFSET_ALIGNMENT / 4);

export const packOp: BuiltInOp<None> = {
  name: 'pack',
  infer: (inputs) => ({
    shape: [inputs.reduce((sum, input) => sum + packedSize(sizeOf(input.shape)), 0)],
    dtype: 'float32',
  }),
  gradient: () => 'none',
  partition: 'whole',
  lowering: {
    kind: 'pack',
    offsets(node) {
      let start = 0;
      return node.inputs.map((input) => {
        const offset = start * 4;
        start += packedSize(sizeOf(input.shape));
        return offset;
      });
    },
  },
};

/**
 * Tensors side by side in one buffer, each from a multiple of 256 bytes on; what lies between is zero. Each becomes a node
 * of its own by `own`, which the planner fuses into the kernel that computes the tensor.
 */
export const pack = (tensors: readonly Node[], own: (tensor: Node) => Node = copy): Node =>
  createNode(
    packOp,
    tensors.map((tensor) => own(tensor)),
    NONE,
  );
