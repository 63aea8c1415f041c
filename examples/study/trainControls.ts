/**
 * Controls of the falls of a rate: from the weights at a fall, trained on at the old rate for as many epochs as the run itself
 * was watched. Images, their order and the dropout are those of the run, because all of them follow from the seed and the
 * number of the step: at the new rate a control would be the run, bit for bit.
 */

import { isMissing } from '../../src/graph.ts';
import { Callback, DivergenceDetector, ProgressBar, type Sequential } from '../../src/index.ts';
import type { Examples } from './data.ts';
import { count, shortRate } from './facts.ts';
import type { Fall } from './fallWatch.ts';
import { historyOf } from './history.ts';
import { StopOnSignal } from './interrupt.ts';
import type { DropControl } from './results.ts';
import type { Screen } from './screen.ts';

export interface ControlContext {
  /** Takes the weights of the falls; of no use afterwards. */
  readonly model: Sequential;
  readonly train: Examples;
  readonly validation: Examples;
  readonly batchSize: number;
  readonly validationBatchSize: number;
  readonly signal: AbortSignal;
  readonly screen: Screen;
  readonly fileOf: (fall: Fall) => string;
  /** What the model is right about now. */
  readonly right: () => Promise<string>;
}

/** Those that were trained whole, in the order of the falls; at another rate than the old one for tests. */
export async function trainControls(
  falls: readonly Fall[],
  context: ControlContext,
  rateOf: (fall: Fall) => number = ({ learningRate }) => learningRate,
): Promise<DropControl[]> {
  const { model, train, validation, batchSize, validationBatchSize, signal, screen, fileOf, right } = context;
  const controls: DropControl[] = [];
  for (const fall of falls) {
    const { after, right: runRight } = fall;
    const epochs = runRight.length;
    if (epochs === 0) continue;
    if (signal.aborted) break;
    try {
      await model.load(fileOf(fall));
    } catch (error) {
      if (!isMissing(error)) throw error;
      screen.print(`No control of the fall after epoch ${after}: its weights, ${fileOf(fall)}, are gone.`);
      continue;
    }
    const learningRate = rateOf(fall);
    model.optimizer.learningRate = learningRate;
    screen.print(
      `control: ${count(epochs, 'epoch')} from the weights after epoch ${after} at the old rate, ` +
        `${shortRate(learningRate)}, to tell what the fall of the rate did`,
    );
    const seen: string[] = [];
    const history = await model.fit(...train, {
      batchSize,
      initialEpoch: after,
      epochs: after + epochs,
      validationData: validation,
      validationBatchSize,
      callbacks: [
        new ProgressBar({ verbose: 1, stream: screen }),
        // What becomes of a control is read off its numbers.
        new DivergenceDetector({ onDivergence: 'warn', print: () => {} }),
        new StopOnSignal(signal),
        new AfterEachEpoch(async () => seen.push(await right())),
      ],
    });
    if (history.interrupted !== null || seen.length < epochs) break;
    controls.push({ after, learningRate, history: historyOf(history.history), right: seen, runRight });
  }
  return controls;
}

class AfterEachEpoch extends Callback {
  readonly #work: () => Promise<unknown>;

  constructor(work: () => Promise<unknown>) {
    super();
    this.#work = work;
  }

  override async onEpochEnd(): Promise<void> {
    await this.#work();
  }
}
