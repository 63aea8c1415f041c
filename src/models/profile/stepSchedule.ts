/** The schedule of a training step of which every kernel is known by what it is for. */

import { ArgumentError } from '../../base/errors.ts';
import type { Schedule } from '../../compiler/schedule.ts';
import type { Product } from '../../network/anatomy.ts';
import type { MomentNodes } from '../../network/optimizerState.ts';
import { Purposes } from '../../network/purposes.ts';
import { type StepParts, trainingStep } from '../../network/step.ts';
import type { UpdateRule } from '../../ops/update.ts';
import type { Device } from '../../runtime/device.ts';
import { type Planned, scheduleWithin } from '../../runtime/scheduleWithin.ts';

/**
 * Schedules a training step for a device. It may be one that is only planned for: then whatever the leaves lie on, `device` says
 * what the kernels are made for.
 */
export async function scheduleStep(
  device: Planned & Pick<Device, 'prepare'>,
  parts: StepParts,
  rule: UpdateRule,
  moments: MomentNodes,
): Promise<{ planned: Schedule; purposes: Purposes }> {
  if (!('ways' in device.target)) {
    throw new ArgumentError(
      'scheduleStep: expected a target with the ways of its class of adapters, got one without. Take cpuTarget() or gpuTarget() of wgrad/graph.',
    );
  }
  const products: Product[] = [];
  const step = trainingStep(parts, rule, moments, (of, gradient) => products.push({ of, gradient }));
  const purposes = new Purposes({ network: parts.network, step, products });
  if (device.prepare !== null) await device.prepare(step.effects);
  const planned = await scheduleWithin(step.effects, device, device.target, (replaced) => purposes.note(replaced));
  purposes.settle(planned);
  return { planned, purposes };
}
