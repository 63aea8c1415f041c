// Adds a step's metrics to the epoch's sums, and watches the loss. One thread, once a step.
//
// sums[s] += value_s for each of the step's sums; value0 is the loss. Three words of health:
//   FIRST     the first step whose loss, gradient or weight was not finite (0xffffffff: none)
//   CURRENT   1 tells the optimizer, which runs next, to leave the weights alone: this step's loss is not finite, or an
//             earlier step's was and the host has not yet looked for the cause, which it does by running that step again
//   RELEASED  1 once the host has looked

const FIRST = 0u;
const CURRENT = 1u;
const RELEASED = 2u;

@compute @workgroup_size(1)
fn main() {
@for s in 0..VALUES
  sums[${s}] += value${s}[0];
@end
  let bad = !is_finite(value0[0]);
  if (bad) { atomicMin(&health[FIRST], step.step); }
  let held = atomicLoad(&health[FIRST]) != 0xffffffffu && atomicLoad(&health[RELEASED]) == 0u;
  atomicStore(&health[CURRENT], select(0u, 1u, bad || held));
}
