/** `evaluate`: mean loss and metrics over examples. */

import type { Pauses } from '../callbacks/callbackList.ts';
import { type Callback, CallbackList, type CallbackModel, type Logs } from '../callbacks/index.ts';
import { type ByTarget, type Compiled, classesOf } from '../network/compiled.ts';
import type { Tensor, TensorLike } from '../tensor/tensor.ts';
import { checkExamples } from './data/checkData.ts';
import { numbersOf, type Weighting } from './data/exampleWeights.ts';
import { disposeExamples, uploadExamples } from './data/gpuDataset.ts';
import { labelKindOf } from './data/labelKind.ts';
import { type DataTaker, takePassOptions, takeWeights } from './fitOptions.ts';
import { fittingEvaluation, inPartsWhere } from './fitting.ts';
import { Evaluator } from './loop/evaluator.ts';

export interface EvaluateOptions<Y = TensorLike> extends Pick<Weighting<Y>, 'sampleWeight'> {
  /** Default 32. */
  readonly batchSize?: number;
  /** Whose hooks of tests are called. */
  readonly callbacks?: readonly Callback[];
}

/** Options of `evaluate` as they were when it was called. */
interface TakenEvaluateOptions extends Omit<EvaluateOptions, 'sampleWeight'> {
  readonly sampleWeight: ByTarget<Tensor>;
}

export function takeEvaluateOptions<Y>(
  options: EvaluateOptions<Y>,
  taker: Pick<DataTaker<unknown, Y>, 'weightsOf'>,
): TakenEvaluateOptions {
  const taken = takePassOptions('evaluate', options, { batchSize: true, sampleWeight: true, callbacks: true });
  return { ...taken, sampleWeight: takeWeights('evaluate', taken.sampleWeight, taker) };
}

/** Batches too large for the device are made smaller. */
export async function evaluate(
  model: CallbackModel,
  compiled: Compiled,
  x: readonly Tensor[],
  y: readonly Tensor[],
  { batchSize = 32, sampleWeight, callbacks: given = [] }: TakenEvaluateOptions,
  pauses: Pauses,
): Promise<Logs> {
  const { device } = compiled;
  const weights = await numbersOf(device, sampleWeight);
  checkExamples('evaluate', compiled, { x, y, weights });
  const [samples] = x[0].shape;
  const wanted = Math.min(batchSize, samples);
  const most = await fittingEvaluation(compiled, wanted, y.map(labelKindOf));
  const inParts = await inPartsWhere(most < wanted);
  const examples = await uploadExamples(device, x, y, weights);
  const evaluator = new Evaluator(compiled, examples, 0, samples, { batchSize: wanted, most, inParts });
  try {
    const params = {
      epochs: 1,
      steps: evaluator.batches,
      samples,
      batchSize: evaluator.batchSize,
      verbose: 0,
      inputShape: compiled.network.inputShapes[0],
      classes: classesOf(compiled),
      initialEpoch: 0,
      validationFreq: null,
    } as const;
    const callbacks = new CallbackList(given, model, params, pauses);
    await evaluator.prepare();
    const logs = await evaluator.run(callbacks);
    await device.finish();
    return logs;
  } finally {
    await evaluator.dispose();
    disposeExamples(examples);
  }
}
