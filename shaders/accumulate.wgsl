// Adds a step's metrics to the epoch's sums, and watches the loss. One thread, once a step.
//
// sums[s] += value_s for each of the step's sums. health[CURRENT] tells the optimizer, which runs next, to leave the
// weights alone when this step's loss is NaN or infinite; health[FIRST] keeps the first such step (0xffffffff: none).
// value0 is the loss.

const FIRST = 0u;
const CURRENT = 1u;

@compute @workgroup_size(1)
fn main() {
@for s in 0..VALUES
  sums[${s}] += value${s}[0];
@end
  if (is_finite(value0[0])) {
    atomicStore(&health[CURRENT], 0u);
  } else {
    atomicStore(&health[CURRENT], 1u);
    atomicMin(&health[FIRST], step.step);
  }
}
