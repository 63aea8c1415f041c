/**
 * What an operation of your own is made of: nodes of the graph, shape rules, gradients and kernels. A module of its own,
 * `wgrad/op`, because programs that only use the library's operations need none of it.
 * @module wgrad/op
 */

export type {
  Binding,
  Builtin,
  KernelTemplate,
  KernelVariant,
  Operand,
  Scratch,
  Target,
  Ways,
} from './ir/op.ts';
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
  type Partition,
  type PartitionRule,
  type RowCut,
} from './ir/op.ts';
export type { PointwiseScope, ViewScope } from './ir/scope.ts';
export type { Storage } from './ir/storage.ts';
export type { Capabilities, Grid, SubgroupSizes, WorkgroupLimits } from './ir/target.ts';
export type { Holes } from './wgsl/template.ts';
