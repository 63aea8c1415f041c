// One step of an optimizer over all parameters, which lie side by side in one buffer, as do the gradients and each moment.
// One thread a vec4f. step.rates holds the step sizes, bias correction included, computed by the host in float64.
//
// SGD       m ← μ m - rate g;  p ← p + m, or p + μ m - rate g (Nesterov);  without momentum p ← p - rate g
// RMSprop   v ← ρ v + (1 - ρ) g²;  p ← p - rate g / sqrt(v + ε)   (Keras' form; CENTERED subtracts the mean's square)
// Adam      m ← m + (1 - β1)(g - m);  v ← v + (1 - β2)(g² - v);  p ← p - rate m / (sqrt(v) + ε)   (Kingma and Ba 2014,
//           with rate = lr sqrt(1 - β2^t) / (1 - β1^t))
// AdamW     the same after p ← p (1 - rate2), rate2 = lr * weight decay (Loshchilov and Hutter 2017)
//
// WATCHED: a step whose loss or gradient is not finite writes nothing; for the words of health see accumulate.wgsl. Without
// a watch, and where only a new value overflows, the elements that are not finite stay as they are.
// uniforms: count in vec4s. floats: the rule's constants

const FIRST = 0u;
const LATEST = 1u;
const RELEASED = 2u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + thread;
  if (i >= params.count) { return; }
@if WATCHED
  // Threads of this dispatch may raise FIRST to this step: only an earlier one counts, or some would stop and some not.
  let bad = atomicLoad(&health[LATEST]) == step.step + 1u;
  let held = atomicLoad(&health[FIRST]) < step.step && atomicLoad(&health[RELEASED]) == 0u;
  if (bad || held) { return; }
@end
  let g = gradient[i];
  let old = parameter[i];
  let rate = step.rates.x;
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
  let v = params.rho * moment2[i] + (1.0 - params.rho) * g * g;
@if CENTERED
  let average = params.rho * moment3[i] + (1.0 - params.rho) * g;
  let scaled = rate * g / sqrt(v - average * average + params.epsilon);
@else
  let scaled = rate * g / sqrt(v + params.epsilon);
@end
@if MOMENTUM
  let m = params.momentum * moment1[i] + scaled;
  let next = old - m;
@else
  let next = old - scaled;
@end
@end
@if ADAM
  let m = moment1[i] + (1.0 - params.beta1) * (g - moment1[i]);
  let v = moment2[i] + (1.0 - params.beta2) * (g * g - moment2[i]);
  let next = old * (1.0 - step.rates.y) - rate * m / (sqrt(v) + params.epsilon);
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
}
