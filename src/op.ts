/**
 * What an operation of your own is made of: nodes of the graph, shape rules, gradients and kernels. A module of its own,
 * `wgrad/op`, because programs that only use the library's operations need none of it.
 * @module wgrad/op
 */

export type { Holes } from './gpu/template.ts';
export type {
  Binding,
  Grid,
  KernelTemplate,
  KernelVariant,
  Operand,
  Scratch,
  Target,
  WorkgroupLimits,
} from './graph/kernel.ts';
export {
  createNode,
  expectDtype,
  expectRank,
  isOf,
  type KernelVariants,
  type LeafSource,
  type Lowering,
  type Node,
  type Op,
} from './graph/node.ts';
export type { PointwiseScope, ViewScope } from './graph/pointwise.ts';
export type { Storage } from './graph/storage.ts';
