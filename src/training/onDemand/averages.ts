/** Averages of the weights, which `useEma` keeps as how far they lie from the weights: at the end the weights become them, or for a while. */

import { StateError } from '../../base/errors.ts';
import type { WeightsAside } from '../../callbacks/callback.ts';
import type { SavedState, State } from '../../io/state.ts';
import type { Node } from '../../ir/op.ts';
import type { Compiled } from '../../network/compiled.ts';
import { AVERAGE } from '../../nn/optimizers/averages.ts';
import { add } from '../../ops/elementwise.ts';
import { fullNode } from '../../ops/leaf.ts';
import { assign, momentsOf } from '../../ops/update.ts';
import { Plan } from '../../runtime/plan.ts';
import { NO_STEP } from '../../runtime/step.ts';
import { DeviceCopy } from './deviceCopy.ts';

/** The weights that are trained, and how far their averages lie from them; null where there are none. */
function averaged({ network, moments, optimizer }: Compiled): { readonly weights: Node; readonly lag: Node } | null {
  const at = momentsOf(optimizer.update).indexOf(AVERAGE);
  const { node, size } = network.trainable;
  return at < 0 || size === 0 ? null : { weights: node, lag: moments.nodes().moments[at] };
}

/** The weights become their averages. Of a model without an average, or without weights that are trained, nothing changes. */
export async function finalizeWeights(compiled: Compiled): Promise<void> {
  const { device } = compiled;
  const both = averaged(compiled);
  if (both === null) return;
  const { weights, lag } = both;
  const plan = await Plan.compile(device, [assign(weights, add(weights, lag)), assign(lag, fullNode(0, lag.shape))]);
  try {
    plan.run([NO_STEP]);
    await device.finish();
  } finally {
    plan.dispose();
  }
}

/**
 * The same for a while. What is set aside comes back to the bit, which the weights would not by taking the difference off again.
 * @throws StateError where the optimizer keeps no average
 */
export async function swapAverages(compiled: Compiled): Promise<WeightsAside> {
  const { optimizer } = compiled;
  if (!optimizer.useEma) {
    throw new StateError(
      `The optimizer ${optimizer.name} keeps no averages of the weights. Compile the model with useEma: true, as in new ${optimizer.name}({ useEma: true }).`,
    );
  }
  const both = averaged(compiled);
  const aside = new DeviceAside(compiled, both === null ? [] : [both.weights, both.lag]);
  await finalizeWeights(compiled);
  return aside;
}

class DeviceAside implements WeightsAside {
  readonly #compiled: Compiled;
  readonly #copy: DeviceCopy;
  /** Steps that had been taken. */
  #step: number;

  constructor(compiled: Compiled, nodes: readonly Node[]) {
    this.#compiled = compiled;
    this.#copy = new DeviceCopy(compiled, nodes);
    this.#step = compiled.progress.step;
  }

  restore(): void {
    if (this.#compiled.progress.step === this.#step) this.#copy.restore();
  }

  async state(): Promise<State> {
    return { step: this.#step, values: await this.#copy.values() };
  }

  load(saved: SavedState): void {
    this.#copy.load(saved);
    this.#step = saved.whole('step');
  }

  dispose(): void {
    this.#copy.dispose();
  }
}
