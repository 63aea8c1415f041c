/**
 * What a graph is made of and how it is compiled and run: for benchmarks and tools, which look at kernels, memory and single
 * steps. A module of its own, `wgrad/graph`, and less stable than the rest: its names are those of the library's inside, any
 * release may change them, and the reference leaves them out. Programs that train and use models need none of it; operations of
 * your own are made with `wgrad/op`.
 *
 * - Nodes: the library's operations on nodes, as its layers and tensors put them together, and their leaves.
 * - Plans: `Plan.compile` plans and compiles the graph of some nodes; the plan is then run as often as one likes.
 * - Training steps: what `fit` makes a step of, from the network to the running metrics.
 * - Files, names and texts: whole files with errors that name the remedy, the name that was meant, bytes and tables as text.
 * - Adapters: which one a device would be opened on, and which kernels are fastest there.
 *
 * The files that the names come from describe them. What `wgrad` and `wgrad/op` have already, such as `Node` and `Device`, is
 * not here again.
 * @module wgrad/graph
 * @internal
 */

export { findAdapter, makeFolder } from '#platform';
export { bytesOf, formatBytes } from './base/dtype.ts';
export { nearest } from './base/optionNames.ts';
export * as random from './base/random.ts';
export { sizeOf } from './base/shape.ts';
export { type Column, Table, tableLines } from './base/table.ts';
export type { ScheduledKernel } from './compiler/kernelText.ts';
export type { Limits } from './compiler/limits.ts';
export type { Target } from './ir/op.ts';
export { linearGrid, type SubgroupSizes } from './ir/target.ts';
export { scheduleStep } from './models/profile/stepSchedule.ts';
export { targetOf } from './network/compiled.ts';
export { inARow } from './network/composition.ts';
export { Network, type Placed, placeLayers } from './network/network.ts';
export { Moments } from './network/optimizerState.ts';
export { type Parameter, standIn } from './network/parameters.ts';
export { trainingStep } from './network/step.ts';
export { resolveMetrics } from './nn/metrics.ts';
export { batchRows } from './ops/batchRows.ts';
export { conv2d } from './ops/conv2d.ts';
export { add, dropout, mul, relu, reluGradient } from './ops/elementwise.ts';
export { fullNode, storedNode } from './ops/leaf.ts';
export { matmul } from './ops/matmul.ts';
export { maxPool2d } from './ops/pool2d.ts';
export { sum } from './ops/reduce.ts';
export { softmaxCrossEntropyPerExample } from './ops/softmax.ts';
export { cpuTarget, gpuTarget } from './ops/targets.ts';
export { optimizerUpdate } from './ops/update.ts';
export { describeAdapter } from './platform/adapter.ts';
export { isMissing, makeFolderOf, onDisk, writeBytes } from './platform/files.ts';
export { Plan } from './runtime/plan.ts';
export { hasTimestamps, Stopwatch } from './runtime/profile/kernelTimes.ts';
export type { StepDraft, StepValues } from './runtime/step.ts';
export { type Tuned, type Tuning, tuneNodes } from './runtime/tuning/tuning.ts';
export { Order, Rows } from './training/data/gpuDataset.ts';
export { StepMetrics } from './training/loop/stepMetrics.ts';
