// One step of an optimizer over all parameters, which lie side by side in one buffer, as do the gradients and each moment.
// One thread a vec4f. step.rates holds the step sizes, bias correction included, computed by the host in float64.
//
// SGD       m ← μ m - rate g;  p ← p + m, or p + μ m - rate g (Nesterov);  without momentum p ← p - rate g
// RMSprop   v ← v + (1 - ρ)(g² - v);  p ← p - rate g / sqrt(v + ε)   (Keras' form)
//           CENTERED: v is less the square of the mean a. v - a² itself would lose every digit where g hardly changes, and could
//           be negative, so moment2 holds this variance: v ← v + (1 - ρ)(ρ (g - a)² - v);  a ← a + (1 - ρ)(g - a)
// Adam      m ← m + (1 - β1)(g - m);  v ← v + (1 - β2)(g² - v);  p ← p - rate m / (sqrt(v) + ε)   (Kingma and Ba 2014,
//           with rate = lr sqrt(1 - β2^t) / (1 - β1^t))
// AdamW     the same after p ← p (1 - rate2), rate2 = lr * weight decay (Loshchilov and Hutter 2017)
//
// WATCHED: a step whose loss or gradient is not finite writes nothing; for the words of health see accumulate.wgsl. Without
// a watch, and where only a new value overflows, the elements that are not finite stay as they are. A step that is left out
// is none for the bias correction either. The host learns of it too late and counts it, so once there was one the correction
// is computed here, from the words of left_out:
//   COUNT      steps left out since the moments were zero
//   LATEST_OUT one more than the latest of them: the update may come in several dispatches
// step.rates: the rate with its correction, the weight decay, the rate alone, and t, all by the host's count
// uniforms: count in vec4s. floats: the rule's constants, and as `_rest` what they lack to 1

const FIRST = 0u;
const LATEST = 1u;
const RELEASED = 2u;
const COUNT = 0u;
const LATEST_OUT = 1u;

@if CORRECTED
// 1 - exp(x) for x < 0, where the difference would leave no digits: x (1 + x/2 (1 + x/3 (...))).
fn complement(x: f32) -> f32 {
  if (x < -0.5) { return 1.0 - exp(x); }
  var sum = 1.0;
  for (var n = 10.0; n > 1.0; n -= 1.0) { sum = 1.0 + x / n * sum; }
  return -x * sum;
}
@end

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
@if WATCHED
  // Threads of this dispatch may raise FIRST to this step: only an earlier one counts, or some would stop and some not.
  let bad = atomicLoad(&health[LATEST]) == step.step + 1u;
  let held = atomicLoad(&health[FIRST]) < step.step && atomicLoad(&health[RELEASED]) == 0u;
  if (bad || held) {
    if (i == 0u && left_out[LATEST_OUT] != step.step + 1u) {
      left_out[COUNT] += 1u;
      left_out[LATEST_OUT] = step.step + 1u;
    }
    return;
  }
@end
  let g = gradient[i];
  let old = parameter[i];
  var rate = step.rates.x;
@if CORRECTED
  let missed = left_out[COUNT];
  if (missed > 0u) {
    let taken = max(1.0, step.rates.w - f32(missed));
    rate = step.rates.z * sqrt(complement(taken * params.log_beta2)) / complement(taken * params.log_beta1);
  }
@end
@if SGD
@if MOMENTUM
  let m = params.momentum * moment1[i] - rate * g;
@if NESTEROV
  let next = old + params.momentum * m - rate * g;
@else
  let next = old + m;
@end
@else
  let next = old - rate * g;
@end
@end
@if RMSPROP
@if CENTERED
  let beyond = g - moment3[i];
  let average = moment3[i] + params.rho_rest * beyond;
  let v = moment2[i] + params.rho_rest * (params.rho * beyond * beyond - moment2[i]);
@else
  let v = moment2[i] + params.rho_rest * (g * g - moment2[i]);
@end
  let scaled = rate * g / sqrt(v + params.epsilon);
@if MOMENTUM
  let m = params.momentum * moment1[i] + scaled;
  let next = old - m;
@else
  let next = old - scaled;
@end
@end
@if ADAM
  let m = moment1[i] + params.beta1_rest * (g - moment1[i]);
  let v = moment2[i] + params.beta2_rest * (g * g - moment2[i]);
  // Not old (1 - rate2): of so small a share float32 has few digits left next to 1.
  let next = old - (step.rates.y * old + rate * m / (sqrt(v) + params.epsilon));
@end
  // A gradient so large that its square overflows would freeze its weight for good: it counts as not finite.
@if SECOND_MOMENT
  let good = is_finite(g) & is_finite(next) & is_finite(v);
@else
  let good = is_finite(g) & is_finite(next);
@end
  parameter[i] = select(old, next, good);
@if MOMENTUM
  moment1[i] = select(moment1[i], m, good);
@end
@if SECOND_MOMENT
  moment2[i] = select(moment2[i], v, good);
@end
@if CENTERED
  moment3[i] = select(moment3[i], average, good);
@end
@if WATCHED
  if (!all(good)) { atomicMin(&health[FIRST], step.step); }
@end
@end
