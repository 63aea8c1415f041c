/** The end of a training that kept averages of the weights: the weights become them. */

import type { Compiled } from '../../network/compiled.ts';
import { AVERAGE } from '../../nn/optimizers/averages.ts';
import { add } from '../../ops/elementwise.ts';
import { fullNode } from '../../ops/leaf.ts';
import { assign, momentsOf } from '../../ops/update.ts';
import { Plan } from '../../runtime/plan.ts';
import { NO_STEP } from '../../runtime/step.ts';

/** Of a model without an average, or without weights that are trained, nothing changes. */
export async function finalizeWeights({ device, network, moments, optimizer }: Compiled): Promise<void> {
  const at = momentsOf(optimizer.update).indexOf(AVERAGE);
  const { node, size } = network.trainable;
  if (at < 0 || size === 0) return;
  const lag = moments.nodes().moments[at];
  const plan = await Plan.compile(device, [assign(node, add(node, lag)), assign(lag, fullNode(0, [size]))]);
  try {
    plan.run([NO_STEP]);
    await device.finish();
  } finally {
    plan.dispose();
  }
}
