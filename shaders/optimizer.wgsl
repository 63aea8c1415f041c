// One step of an optimizer over all parameters, which lie side by side in one buffer, as do the gradients and each moment.
// A thread takes every 64th element, a vec4f or a float, of its workgroup's block. The rule is the optimizer's own: see
// UpdateRule in src/ops/update.ts, and src/nn/optimizers. step.rates holds the step sizes, bias correction included, computed
// by the host in float64.
//
// WATCHED: a step whose loss or gradient is not finite writes nothing; for the words of health see accumulate.wgsl. Without
// a watch, and where only a new value overflows, the elements that are not finite stay as they are. A step that is left out
// is none for the bias correction either. The host learns of it too late and counts it, so once there was one the correction
// is computed here, from the words of left_out:
//   COUNT      steps left out since the moments were zero
//   LATEST_OUT one more than the latest of them: the update may come in several dispatches
// uniforms: count of elements, block: those of a workgroup, a multiple of 64. floats: the rule's constants
// TAKEN: `taken` is the number of steps taken, this one included
// holes: RESULT, the new weights; GRADIENT, clipped; DECAY, what the weight decay takes off; BODY, the rule's statements; RATE, its rate by the steps taken; GOOD, whether all that it gives is finite; MOMENTS,
// the moments' new values, taken where it is

const FIRST = 0u;
const LATEST = 1u;
const RELEASED = 2u;
const COUNT = 0u;
const LATEST_OUT = 1u;

@if COMPLEMENT
// 1 - exp(x) for x < 0, where the difference would leave no digits: x (1 + x/2 (1 + x/3 (...))).
fn complement(x: f32) -> f32 {
  if (x < -0.5) { return 1.0 - exp(x); }
  var sum = 1.0;
  for (var n = 10.0; n > 1.0; n -= 1.0) { sum = 1.0 + x / n * sum; }
  return -x * sum;
}
@end

@main
  let thread = global_invocation_index;
@if WATCHED
  // Threads of this dispatch may raise FIRST to this step: only an earlier one counts, or some would stop and some not.
  let bad = atomicLoad(&health[LATEST]) == step.step + 1u;
  let held = atomicLoad(&health[FIRST]) < step.step && atomicLoad(&health[RELEASED]) == 0u;
  if (bad || held) {
    if (thread == 0u && left_out[LATEST_OUT] != step.step + 1u) {
      left_out[COUNT] += 1u;
      left_out[LATEST_OUT] = step.step + 1u;
    }
    return;
  }
@end
  var rate = step.rates.x;
@if CORRECTED
  let missed = left_out[COUNT];
  if (missed > 0u) {
    let taken = max(1.0, step.rates.w - f32(missed));
    rate = {{RATE}};
  }
@end
@if TAKEN
@if WATCHED
  let taken = step.rates.w - f32(left_out[COUNT]);
@else
  let taken = step.rates.w;
@end
@end
  let end = min((thread / 64u + 1u) * params.block, params.count);
  for (var i = thread / 64u * params.block + thread % 64u; i < end; i += 64u) {
    let g = {{GRADIENT}};
    let parameter_before = parameter[i];
    let old = parameter_before{{DECAY}};
{{BODY}}
    let good = {{GOOD}};
    parameter[i] = select(parameter_before, {{RESULT}}, good);
{{MOMENTS}}
@if WATCHED
    if (!all(good)) { atomicMin(&health[FIRST], step.step); }
@end
  }
@end
