/** Where the time goes, in a training step of a model or in a function of tensors. */

import { checkAbove, checkWhole, flagOf } from '../../base/checks.ts';
import { counted, describe } from '../../base/describe.ts';
import { ArgumentError, StateError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { fusedInto, mainOf, nameOf, workgroupsOf } from '../../compiler/explain/kernelParts.ts';
import type { KernelPart } from '../../compiler/kernelText.ts';
import type { Schedule } from '../../compiler/schedule.ts';
import type { Compiled } from '../../network/compiled.ts';
import { Measures } from '../../network/measures.ts';
import { exampleShape } from '../../nn/layers/layer.ts';
import { defaultDevice } from '../../runtime/defaultDevice.ts';
import type { Device } from '../../runtime/device.ts';
import { Plan } from '../../runtime/plan.ts';
import { timeEager } from '../../runtime/profile/eagerTimes.ts';
import { type PlanTimes, type TimingOptions, timePlan } from '../../runtime/profile/kernelTimes.ts';
import { Tensor } from '../../tensor/index.ts';
import { realise } from '../../tensor/lazyValue.ts';
import { checkExamples } from '../../training/data/checkData.ts';
import { firstExamples } from '../../training/data/firstExamples.ts';
import { batchOf, disposeExamples, Order, uploadExamples } from '../../training/data/gpuDataset.ts';
import { iota } from '../../training/loop/evaluator.ts';
import { StepMetrics } from '../../training/loop/stepMetrics.ts';
import { rehearse } from '../advice/trialModel.ts';
import { TrainedModel } from '../trainedModel.ts';
import { type KernelTime, ProfileReport } from './profileReport.ts';
import { scheduleStep } from './stepSchedule.ts';

/** Options of `profile` for whatever is profiled. */
export interface ProfileOptions {
  /** How long is measured, about, in milliseconds; of a function, each plan that it runs. Default 1000. */
  readonly milliseconds?: number;
  /** Whether GPU timestamps are used where the adapter has them; default true. False: each kernel is replayed alone. */
  readonly timestamps?: boolean;
}

/** Options of `profile` for a model. */
export interface StepProfileOptions extends ProfileOptions {
  /** Examples of the training step, the first ones, at most as many as are given. Default 32, as in `fit`. */
  readonly batchSize?: number;
}

/** Options of `profile` for a function. */
export interface FunctionProfileOptions extends ProfileOptions {
  /** Where the function's work runs; default: the default device. */
  readonly device?: Device;
}

/** What a profiled function returns: tensors, in arrays or not. */
export type Computed = Tensor | readonly Computed[];

type StepArguments = readonly [
  model: TrainedModel<unknown, unknown, unknown>,
  x: unknown,
  y: unknown,
  options?: StepProfileOptions,
];
type FunctionArguments = readonly [run: () => Computed | Promise<Computed>, options?: FunctionProfileOptions];

const isOfStep = (given: StepArguments | FunctionArguments): given is StepArguments => given[0] instanceof TrainedModel;

/**
 * Times the training steps of a model, as `fit` takes them with its optimizer, loss and metrics: on a copy, so that weights,
 * moments and seeds of the model are as before. The step is repeated on one batch at a rate of 0, so that the copy's weights
 * stay as well.
 *
 * A kernel's time counts for the layer and the phase of its main operation: the product, convolution or reduction that it is
 * built around, or of a chain of elementwise operations the last one that belongs to a layer. What is fused into it is listed,
 * and costs next to nothing. Kernels that share a dispatch divide its time by their workgroups.
 * @param model compiled; built, or to be built from the inputs
 * @param x inputs [examples, ...]
 * @param y labels [examples, ...]
 * @throws ArgumentError for an option out of range, or one that does not exist
 * @throws OutOfMemoryError where the batch does not fit at once
 */
export function profile<X, Y>(
  model: TrainedModel<X, Y, unknown>,
  x: X,
  y: Y,
  options?: StepProfileOptions,
): Promise<ProfileReport>;
/**
 * Times the kernels that a function runs: those of the tensors that it returns, which are computed, and of all that it awaits
 * itself, such as an optimizer's `apply`. The function is called once. Each plan is measured before its first run, and what
 * that wrote to variables is put back, so that all values are those of a call without a profile. What else runs on the device
 * meanwhile is in it, too; `fit`, `evaluate` and `predict` are not, since they have plans of their own.
 * @param run returns tensors, in arrays or not
 * @throws StateError where nothing was computed
 */
export function profile(
  run: () => Computed | Promise<Computed>,
  options?: FunctionProfileOptions,
): Promise<ProfileReport>;
export function profile(...given: StepArguments | FunctionArguments): Promise<ProfileReport> {
  return isOfStep(given) ? profileStep(...given) : profileFunction(...given);
}

/** What to time with; throws for an option that is out of range. */
function timingOf({ milliseconds = 1000, timestamps = true }: ProfileOptions): TimingOptions {
  checkAbove('profile', 'milliseconds', milliseconds);
  return { milliseconds, timestamps: flagOf(timestamps, 'profile', 'timestamps') };
}

async function profileStep(
  model: TrainedModel<unknown, unknown, unknown>,
  xs: unknown,
  ys: unknown,
  options: StepProfileOptions = {},
): Promise<ProfileReport> {
  checkOptions('profile', options, { milliseconds: true, timestamps: true, batchSize: true });
  const { batchSize: most = 32 } = options;
  checkWhole('profile', 'batchSize', most, 1);
  const timing = timingOf(options);
  const [x, y] = [model.inputsOf('profile', xs), model.labelsOf('profile', ys)];
  const compiled = await model.ready('profile', x.map(exampleShape));
  checkExamples('profile', compiled, { x, y, weights: null });
  const first = (all: readonly Tensor[]): Tensor[] => all.map((one) => firstExamples(one, most));
  return rehearse(compiled, (copy) => timeStep(copy, first(x), first(y), timing));
}

/** The step of a model that nobody else uses. */
async function timeStep(
  copy: Compiled,
  x: readonly Tensor[],
  y: readonly Tensor[],
  timing: TimingOptions,
): Promise<ProfileReport> {
  const { device, network, targets, optimizer, moments, seed } = copy;
  const [batchSize] = x[0].shape;
  const owned: { dispose(): void }[] = [];
  const own = <T extends { dispose(): void }>(one: T): T => {
    owned.push(one);
    return one;
  };
  try {
    const examples = await uploadExamples(device, x, y, null);
    own({ dispose: () => disposeExamples(examples) });
    const order = own(new Order(device, batchSize));
    order.write(iota(0, batchSize));
    const stepMetrics = own(new StepMetrics(device, new Measures(copy).size));
    const { planned, purposes } = await scheduleStep(
      device,
      {
        network,
        targets,
        ...batchOf(examples, order, batchSize),
        stepMetrics,
      },
      optimizer.update,
      moments.nodes(),
    );
    const plan = own(await Plan.of(device, planned, { layers: purposes }));
    const rates = optimizer.rates(1).map(() => 0);
    const times = await timePlan(device, plan, { seed, step: 0, position: 0, rates }, timing);
    const { firstBadStep } = await stepMetrics.peek();
    return new ProfileReport({
      ...times,
      subject: `A training step of ${counted(batchSize, 'example')}`,
      adapter: device.info.name,
      batchSize,
      kernels: withShares(kernelsOf(planned, times, { purposeOf: (part) => purposes.ofKernel(part) })),
      layerNames: network.layers.map(({ name }) => name),
      finite: firstBadStep === null,
    });
  } finally {
    for (const one of owned.reverse()) one.dispose();
  }
}

async function profileFunction(
  run: () => Computed | Promise<Computed>,
  options: FunctionProfileOptions = {},
): Promise<ProfileReport> {
  if (typeof run !== 'function') {
    throw new ArgumentError(
      `profile: expected a model or a function of tensors, got ${describe(run)}. Write profile(model, x, y) or profile(() => x.matmul(y)).`,
    );
  }
  checkOptions('profile', options, { milliseconds: true, timestamps: true, device: true });
  const timing = timingOf(options);
  const device = options.device ?? (await defaultDevice());
  const ran = await timeEager(
    device,
    async () => {
      await realise(tensorsIn(await run()), [], { device });
    },
    timing,
  );
  const [first] = ran;
  if (first === undefined) {
    throw new StateError(
      `profile: nothing was computed on '${device.info.name}'. Return tensors that nobody has read yet, and give the device that ` +
        'they lie on; of fit, evaluate and predict, time a training step with profile(model, x, y), or use model.call.',
    );
  }
  const kernels: Row[] = [];
  for (const { schedule, times, runs } of ran) {
    const after = kernels.reduce((next, { dispatch }) => Math.max(next, dispatch + 1), 0);
    kernels.push(...kernelsOf(schedule, times, { purposeOf: plainly, runs, after }));
  }
  return new ProfileReport({
    subject: `A function of tensors (${counted(ran.length, 'plan')})`,
    adapter: device.info.name,
    batchSize: null,
    clock: first.times.clock,
    resolution: Math.max(...ran.map(({ times }) => times.resolution)),
    samples: Math.min(...ran.map(({ times }) => times.samples)),
    run: ran.reduce((sum, { times, runs }) => sum + times.run * runs, 0),
    kernels: withShares(kernels),
    layerNames: [],
    finite: true,
  });
}

/** All tensors in what a function returned. */
function tensorsIn(computed: Computed): Tensor[] {
  if (computed instanceof Tensor) return [computed];
  if (Array.isArray(computed)) return computed.flatMap(tensorsIn);
  throw new ArgumentError(
    `profile: expected the function to return tensors, got ${describe(computed)}. Return what it computes, in an array if there are several.`,
  );
}

type Row = Omit<KernelTime, 'share'>;

interface Told {
  readonly purposeOf: (part: KernelPart) => Pick<KernelTime, 'kernel' | 'fused' | 'layer' | 'phase'>;
  readonly runs?: number;
  /** The number of the first dispatch. */
  readonly after?: number;
}

function kernelsOf({ kernels }: Schedule, times: PlanTimes, { purposeOf, runs = 1, after = 0 }: Told): Row[] {
  return kernels.flatMap(({ parts }, at) => {
    const workgroups = parts.reduce((sum, part) => sum + workgroupsOf(part), 0);
    return parts.map((part) => {
      const dispatchShare = workgroupsOf(part) / workgroups;
      return {
        ...purposeOf(part),
        dispatch: after + at,
        dispatchShare,
        runs,
        ms: times.kernels[at] * dispatchShare * runs,
      };
    });
  });
}

function withShares(rows: readonly Row[]): KernelTime[] {
  const sum = rows.reduce((total, { ms }) => total + ms, 0);
  return rows.map((row) => ({ ...row, share: sum > 0 ? row.ms / sum : 0 }));
}

/** A kernel of which it is not known what it is for. */
function plainly(part: KernelPart): Pick<KernelTime, 'kernel' | 'fused' | 'layer' | 'phase'> {
  const main = mainOf(part);
  const fused = fusedInto(part, main).map(({ op }) => op.name);
  return { kernel: nameOf(part, main), fused, layer: null, phase: null };
}
