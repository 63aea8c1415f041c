/**
 * Every operation of the graph, by name. The type demands of each one its shape rule, gradient, lowering and how its rows
 * are cut (see `BuiltInOp` in ir/op.ts), and the test suite has tables over these same names, so an operation without a case does not
 * compile.
 */

import type { Op } from '../ir/op.ts';
import { batchNormOp } from './batchNorm.ts';
import { batchRowsOp } from './batchRows.ts';
import { concatOp } from './concat.ts';
import { conv2dInputGradientOp, conv2dKernelGradientOp, conv2dOp } from './conv2d.ts';
import { conv2dPoolGradientOp, conv2dPoolOp, maxPoolWinnersOp, unpool2dOp } from './conv2dPool.ts';
import {
  depthwiseConv2dInputGradientOp,
  depthwiseConv2dKernelGradientOp,
  depthwiseConv2dOp,
} from './depthwiseConv2d.ts';
import * as e from './elementwise.ts';
import { erfOp } from './errorFunction.ts';
import * as finiteness from './finiteness.ts';
import { finiteStatsOp } from './finiteStats.ts';
import { floorDivideOp, modOp } from './floorDivision.ts';
import { gatherOp, oneHotOp, scatterAddOp } from './gather.ts';
import { accumulateOp, watchOp } from './health.ts';
import { data, full, stored } from './leaf.ts';
import { lookupOp, scatterOrderedOp } from './lookup.ts';
import { matmulOp } from './matmul.ts';
import { packOp } from './pack.ts';
import { avgPool2dGradientOp, avgPool2dOp, maxPool2dGradientOp, maxPool2dOp, maxPool2dPickOp } from './pool2d.ts';
import { prodOp } from './prod.ts';
import { randomNormalOp, randomUniformOp } from './random.ts';
import { recurrenceGradientOp, recurrenceOp } from './recurrence.ts';
import { argMaxOp, broadcastToOp, maxOp, minOp, sumOp } from './reduce.ts';
import { reshapeOp } from './reshape.ts';
import { ceilOp, floorOp, roundOp } from './rounding.ts';
import { cumsumOp } from './scan.ts';
import { logSoftmaxOp, softmaxCrossEntropyGradientOp, softmaxCrossEntropyOp, softmaxOp } from './softmax.ts';
import { inOrderOp, invertOrderOp, outOfOrderOp, sortOrderOp } from './sort.ts';
import { standardizeGradientOp, standardizeOp } from './standardize.ts';
import { stopGradientOp } from './stopGradient.ts';
import { stretchOp } from './stretch.ts';
import { stridedSliceOp } from './stridedSlice.ts';
import * as t from './trigonometry.ts';
import { assignOp, optimizerUpdateOp } from './update.ts';
import { variableOp } from './variable.ts';
import { padOp, sliceOp, transposeOp } from './views.ts';

export const ops = {
  // leaves
  data,
  stored,
  full,
  variable: variableOp,
  // elementwise
  add: e.addOp,
  sub: e.subOp,
  mul: e.mulOp,
  div: e.divOp,
  neg: e.negOp,
  pow: e.powOp,
  square: e.squareOp,
  sqrt: e.sqrtOp,
  exp: e.expOp,
  log: e.logOp,
  abs: e.absOp,
  sign: e.signOp,
  maximum: e.maximumOp,
  minimum: e.minimumOp,
  clip: e.clipOp,
  where: e.whereOp,
  equal: e.equalOp,
  greater: e.greaterOp,
  relu: e.reluOp,
  reluGradient: e.reluGradientOp,
  leakyRelu: e.leakyReluOp,
  elu: e.eluOp,
  gelu: e.geluOp,
  normalCdf: e.normalCdfOp,
  normalDensity: e.normalDensityOp,
  sigmoid: e.sigmoidOp,
  tanh: e.tanhOp,
  softplus: e.softplusOp,
  sigmoidCrossEntropy: e.sigmoidCrossEntropyOp,
  batchNorm: batchNormOp,
  silu: e.siluOp,
  copy: e.copyOp,
  toInt32: e.toInt32Op,
  floor: floorOp,
  ceil: ceilOp,
  round: roundOp,
  floorDivide: floorDivideOp,
  mod: modOp,
  sin: t.sinOp,
  cos: t.cosOp,
  tan: t.tanOp,
  asin: t.asinOp,
  acos: t.acosOp,
  atan: t.atanOp,
  atan2: t.atan2Op,
  sinh: t.sinhOp,
  cosh: t.coshOp,
  erf: erfOp,
  isNaN: finiteness.isNaNOp,
  isFinite: finiteness.isFiniteOp,
  isInf: finiteness.isInfOp,
  dropout: e.dropoutOp,
  randomUniform: randomUniformOp,
  randomNormal: randomNormalOp,
  // reductions
  sum: sumOp,
  max: maxOp,
  min: minOp,
  prod: prodOp,
  broadcastTo: broadcastToOp,
  argMax: argMaxOp,
  // along an axis
  cumsum: cumsumOp,
  sortOrder: sortOrderOp,
  invertOrder: invertOrderOp,
  inOrder: inOrderOp,
  outOfOrder: outOfOrderOp,
  // along steps
  recurrence: recurrenceOp,
  recurrenceGradient: recurrenceGradientOp,
  // shape and index
  reshape: reshapeOp,
  stopGradient: stopGradientOp,
  transpose: transposeOp,
  slice: sliceOp,
  stridedSlice: stridedSliceOp,
  pad: padOp,
  concat: concatOp,
  gather: gatherOp,
  scatterAdd: scatterAddOp,
  lookup: lookupOp,
  scatterOrdered: scatterOrderedOp,
  oneHot: oneHotOp,
  batchRows: batchRowsOp,
  stretch: stretchOp,
  // products
  matmul: matmulOp,
  conv2d: conv2dOp,
  conv2dInputGradient: conv2dInputGradientOp,
  conv2dKernelGradient: conv2dKernelGradientOp,
  depthwiseConv2d: depthwiseConv2dOp,
  depthwiseConv2dInputGradient: depthwiseConv2dInputGradientOp,
  depthwiseConv2dKernelGradient: depthwiseConv2dKernelGradientOp,
  // pooling
  maxPool2d: maxPool2dOp,
  maxPool2dGradient: maxPool2dGradientOp,
  maxPool2dPick: maxPool2dPickOp,
  avgPool2d: avgPool2dOp,
  avgPool2dGradient: avgPool2dGradientOp,
  // fused by the planner
  conv2dPool: conv2dPoolOp,
  conv2dPoolGradient: conv2dPoolGradientOp,
  maxPoolWinners: maxPoolWinnersOp,
  unpool2d: unpool2dOp,
  // softmax
  softmax: softmaxOp,
  logSoftmax: logSoftmaxOp,
  softmaxCrossEntropy: softmaxCrossEntropyOp,
  softmaxCrossEntropyGradient: softmaxCrossEntropyGradientOp,
  // layer normalisation
  standardize: standardizeOp,
  standardizeGradient: standardizeGradientOp,
  // effects
  assign: assignOp,
  optimizerUpdate: optimizerUpdateOp,
  accumulate: accumulateOp,
  pack: packOp,
  watch: watchOp,
  // looked at when a step was not finite
  finiteStats: finiteStatsOp,
} as const satisfies Readonly<Record<string, Op & Pick<Required<Op>, 'partition'>>>;

export type OpName = keyof typeof ops;
