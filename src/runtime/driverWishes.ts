/** What few programs ask of a device: how many lanes lavapipe takes, and that no index is checked. */

import { environment, isNode } from '#platform';
import { describe } from '../base/describe.ts';
import { ArgumentError, DeviceError, StateError } from '../base/errors.ts';
import type { Schedule } from '../compiler/schedule.ts';
import type { OpName } from '../ops/index.ts';
import { type DriverOptions, describeAdapter, type Lanes } from '../platform/adapter.ts';
import type { Checks, DeviceOptions } from './device.ts';

const LANES: readonly Lanes[] = [8, 16];
const CHECKS: readonly Checks[] = ['on', 'off'];

export interface DriverWishes extends DriverOptions {
  /** @throws DeviceError where an adapter has other lanes than the option asks for */
  checkAdapter(info: GPUAdapterInfo): void;
  /** @throws StateError for a plan that may not run; null: every plan may */
  readonly admit: ((planned: Schedule) => void) | null;
}

/**
 * The options of `openDevice`, and the variables for those that are not given.
 * @throws ArgumentError for what is none of their values
 * @throws DeviceError in a browser
 */
export function driverWishes(options: DeviceOptions): DriverWishes {
  if (!isNode) {
    throw new DeviceError(
      'openDevice: a browser decides on lanes and checks itself. Leave out lanes, checks and trustKernels, or compute in Node.',
    );
  }
  const unchecked = read('checks', options.checks, 'WGRAD_CHECKS', CHECKS) === 'off';
  const { trustKernels = environment('WGRAD_TRUST_KERNELS') === 'on' } = options;
  return {
    lanes: read('lanes', options.lanes, 'WGRAD_LANES', LANES),
    unchecked,
    checkAdapter(info) {
      const { lanes } = options;
      if (lanes === undefined || (info.subgroupMinSize === lanes && info.subgroupMaxSize === lanes)) return;
      throw new DeviceError(
        `openDevice: asked for ${lanes} lanes, which '${describeAdapter(info)}' does not have. They are a setting of lavapipe, made ` +
          'before anything in the process opens it: leave lanes out, or ask for them first and in the main thread.',
      );
    },
    admit: unchecked && !trustKernels ? refuseForeign : null,
  };
}

/** A value out of a list, as the option says, else the variable. */
function read<T extends string | number>(
  name: string,
  given: T | undefined,
  variable: string,
  values: readonly T[],
): T | undefined {
  const text = environment(variable);
  if (given === undefined && !text) return undefined;
  const found = values.find((value) => (given === undefined ? String(value) === text : value === given));
  if (found !== undefined) return found;
  const [who, what] = given === undefined ? [variable, `'${text}'`] : [`openDevice: ${name}`, describe(given)];
  throw new ArgumentError(`${who} is ${what}. Use ${values.join(' or ')}, or leave it out.`);
}

/** Names, which are unique, and not the operations: a page that loads this would load what it does not use of them. */
const OWN: Readonly<Record<OpName, true>> = {
  data: true,
  stored: true,
  full: true,
  variable: true,
  add: true,
  sub: true,
  mul: true,
  div: true,
  neg: true,
  pow: true,
  square: true,
  sqrt: true,
  exp: true,
  log: true,
  abs: true,
  sign: true,
  maximum: true,
  minimum: true,
  clip: true,
  where: true,
  equal: true,
  greater: true,
  relu: true,
  reluGradient: true,
  leakyRelu: true,
  elu: true,
  gelu: true,
  normalCdf: true,
  normalDensity: true,
  sigmoid: true,
  tanh: true,
  softplus: true,
  sigmoidCrossEntropy: true,
  batchNorm: true,
  silu: true,
  copy: true,
  toInt32: true,
  floor: true,
  ceil: true,
  round: true,
  floorDivide: true,
  mod: true,
  sin: true,
  cos: true,
  tan: true,
  asin: true,
  acos: true,
  atan: true,
  atan2: true,
  sinh: true,
  cosh: true,
  erf: true,
  isNaN: true,
  isFinite: true,
  isInf: true,
  dropout: true,
  randomUniform: true,
  randomNormal: true,
  sum: true,
  max: true,
  min: true,
  prod: true,
  broadcastTo: true,
  argMax: true,
  cumsum: true,
  sortOrder: true,
  invertOrder: true,
  inOrder: true,
  outOfOrder: true,
  recurrence: true,
  recurrenceGradient: true,
  reshape: true,
  stopGradient: true,
  transpose: true,
  slice: true,
  stridedSlice: true,
  pad: true,
  concat: true,
  gather: true,
  scatterAdd: true,
  lookup: true,
  scatterOrdered: true,
  oneHot: true,
  batchRows: true,
  stretch: true,
  matmul: true,
  conv2d: true,
  conv2dInputGradient: true,
  conv2dKernelGradient: true,
  depthwiseConv2d: true,
  depthwiseConv2dInputGradient: true,
  depthwiseConv2dKernelGradient: true,
  maxPool2d: true,
  maxPool2dGradient: true,
  maxPool2dPick: true,
  avgPool2d: true,
  avgPool2dGradient: true,
  conv2dPool: true,
  conv2dPoolGradient: true,
  maxPoolWinners: true,
  unpool2d: true,
  softmax: true,
  logSoftmax: true,
  softmaxCrossEntropy: true,
  softmaxCrossEntropyGradient: true,
  standardize: true,
  standardizeGradient: true,
  assign: true,
  optimizerUpdate: true,
  accumulate: true,
  pack: true,
  watch: true,
  finiteStats: true,
};

/** Kernels of the library's own operations stay within their arrays by themselves; of others nobody knows. */
function refuseForeign({ kernels }: Schedule): void {
  for (const { parts } of kernels) {
    for (const { group } of parts) {
      const { anchor, members, prologue } = group;
      const foreign = [...(anchor === null ? [] : [anchor]), ...members, ...prologue].find(
        ({ op }) => !Object.hasOwn(OWN, op.name),
      );
      if (foreign === undefined) continue;
      throw new StateError(
        `The operation '${foreign.op.name}' is not one of the library's, and this device checks no index (checks: 'off'): a kernel ` +
          'that leaves its arrays reads and changes other memory of this process. Open a device with checks, or, where you know ' +
          'that its kernels do not, give openDevice trustKernels: true as well.',
      );
    }
  }
}
