// Adds a step's metrics to the epoch's sums, and watches the loss. Once a step, a thread for each element of the longest value.
//
// The values lie side by side in the sums; value0 is the loss, one number. holes: SUMS, what a thread adds. The words of health, which nobody resets between
// steps:
//   FIRST     the first step whose loss, gradient or new weight was not finite (0xffffffff: none)
//   LATEST    one more than the latest step whose loss or gradient was not finite (0: none): what runs after them in the
//             same step then leaves the weights alone
//   RELEASED  0: after FIRST the weights stay as they are, so that the host can run that step again to find the cause;
//             1: the host has looked, or nobody ends or goes back then: only bad steps are left out

const FIRST = 0u;
const LATEST = 1u;

@main
  let i = global_invocation_index;
{{SUMS}}
  if (i == 0u && !is_finite(value0[0])) {
    atomicMin(&health[FIRST], step.step);
    atomicMax(&health[LATEST], step.step + 1u);
  }
@end
