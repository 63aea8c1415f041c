/** Measures the gradients of a batch's parts beside a training, by plans of its own. */

import { ArgumentError } from '../../base/errors.ts';
import type { GradientMeasurement, GradientNorms } from '../../callbacks/gradientNorms.ts';
import type { Storage } from '../../ir/storage.ts';
import type { Compiled } from '../../network/compiled.ts';
import { measuredBatch, measuredPart } from '../../network/gradientParts.ts';
import type { ParameterBlock } from '../../network/parameters.ts';
import type { StepParts } from '../../network/step.ts';
import { storedNode } from '../../ops/leaf.ts';
import { gradientSums, inParts, partsOf } from '../loop/microBatches.ts';
import type { Probe, Probes } from '../loop/probe.ts';
import type { Stage } from '../loop/stage.ts';

class GradientProbe implements Probe {
  readonly every: number;
  readonly stages: readonly Stage[];
  readonly #device: Compiled['device'];
  readonly #receive: GradientMeasurement['receive'];
  readonly #batch: number;
  readonly #parts: number;
  readonly #gradients: ParameterBlock;
  readonly #ofParts: Storage;
  readonly #norms: Storage;

  /** Of batches of `batch` examples, in parts of at most `most`. */
  constructor(
    { device, network }: Compiled,
    { every, receive }: GradientMeasurement,
    batch: number,
    most: number,
    counts: ParameterBlock | null,
    partsFor: (size: number) => StepParts,
  ) {
    this.every = every;
    this.#device = device;
    this.#receive = receive;
    this.#batch = batch;
    const cut = partsOf(batch, most);
    this.#parts = cut.reduce((total, { repeats }) => total + repeats, 0);
    this.#gradients = gradientSums(network);
    this.#gradients.attach(device);
    this.#ofParts = device.allocate(1, 'float32', 'gradient norms of parts');
    this.#norms = device.allocate(2, 'float32', 'gradient norms');
    device.write(this.#ofParts, new Float32Array(1));
    const nodes = {
      gradients: this.#gradients,
      ofParts: storedNode(this.#ofParts, [1]),
      norms: storedNode(this.#norms, [2]),
    };
    this.stages = [
      ...inParts(cut, counts, true, partsFor, (part) => ({
        ...part,
        effects: measuredPart(partsFor(part.size), batch, nodes),
      })),
      { effects: measuredBatch(batch, nodes), size: 0, repeats: 1 },
    ];
  }

  looked(): void {
    this.#receive(this.#read());
  }

  async #read(): Promise<GradientNorms> {
    const [ofParts, ofBatch] = await this.#device.read(this.#norms, 'float32', 2);
    return { examples: this.#batch, parts: this.#parts, ofParts, ofBatch };
  }

  dispose(): void {
    this.#gradients.dispose();
    if (this.#device.closed) return;
    this.#device.free(this.#ofParts);
    this.#device.free(this.#norms);
  }
}

/**
 * Probes of batches of `batch` examples.
 * @throws ArgumentError where such a batch has no parts
 */
export function probesOf(compiled: Compiled, wishes: readonly GradientMeasurement[], batch: number): Probes {
  if (batch < 2) {
    throw new ArgumentError(
      'fit: the noise of gradients is measured between parts of a batch, and a batch of 1 example has none. Write fit(x, y, { batchSize: 32, … }), or any number from 2 on.',
    );
  }
  return (microBatchSize, counts, partsFor) =>
    wishes.map((wish) => {
      const most = Math.min(microBatchSize, Math.ceil(batch / wish.parts), batch - 1);
      return new GradientProbe(compiled, wish, batch, most, counts, partsFor);
    });
}
