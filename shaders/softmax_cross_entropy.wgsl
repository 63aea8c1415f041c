// Cross-entropy of softmax(logits) with labels, and its gradient, one thread an example; the probabilities are never
// written out and the maximum is taken off first. After long_sum.wgsl.
//
// logits: [batch, classes]. labels: class ids [batch] (IDS), or a distribution a row [batch, classes].
// Smoothed labels are y (1 - s) + s / classes. With CLIP, probabilities are cut to [clip, 1 - clip] before the logarithm
// and a cut one passes no gradient, as in Keras' classic loss.
//
// forward:  loss_b = -Σ_c y_c ln p_c
// GRADIENT: d_bj = upstream_b (p_j Σ_c m_c y_c - m_j y_j), with m_c = 0 where p_c was cut, else 1
// A class id that is out of range, or no whole number, gives NaN. uniforms: batch, classes, smoothing, clip, upstream (CONSTANT: one number for all)

fn label(example: u32, class_: u32, id: i32) -> f32 {
@if IDS
  let y = select(0.0, 1.0, i32(class_) == id);
@else
  let y = f32(labels[example * params.classes + class_]);
@end
  return y * (1.0 - params.smoothing) + params.smoothing / f32(params.classes);
}

fn kept(probability: f32) -> bool {
@if CLIP
  return is_nan(probability) || (probability >= params.clip && probability <= 1.0 - params.clip);
@else
  return true;
@end
}

@main
  let example = global_invocation_index;
  if (example >= params.batch) { return; }
  let base = example * params.classes;
@if IDS
  let given = f32(labels[example]);
  let id = i32(given);
  let bad = is_nan(given) || f32(id) != given || id < 0 || id >= i32(params.classes);
@else
  let id = 0;
  let bad = false;
@end
  var top = logits[base];
  for (var c = 1u; c < params.classes; c++) { top = maximum(top, logits[base + c]); }
  var sum = Sum();
  for (var c = 0u; c < params.classes; c++) { add_term(&sum, c, exp(logits[base + c] - top)); }
  let total = total_of(sum);
  // Every bit of the exponent set: NaN, made at run time because a constant one is refused.
  let nan = bitcast<f32>(params.batch | 0x7fc00000u);
@if GRADIENT
  var kept_labels = Sum();
  for (var c = 0u; c < params.classes; c++) {
    let counts = kept(exp(logits[base + c] - top) / total);
    add_term(&kept_labels, c, select(0.0, label(example, c, id), counts));
  }
  let mass = total_of(kept_labels);
  for (var c = 0u; c < params.classes; c++) {
    let p = exp(logits[base + c] - top) / total;
    let d = p * mass - select(0.0, label(example, c, id), kept(p));
@if CONSTANT
    store(base + c, select(d * params.upstream, nan, bad));
@else
    store(base + c, select(d * upstream[example], nan, bad));
@end
  }
@else
  let log_total = logarithm(total);
  var losses = Sum();
  var counted = 0u;
  for (var c = 0u; c < params.classes; c++) {
    let y = label(example, c, id);
    // A label of 0 counts for nothing even where ln p is minus infinity.
    if (y != 0.0) {
@if CLIP
      let p = exp(logits[base + c] - top) / total;
      add_term(&losses, counted, -y * logarithm(clip(p, params.clip, 1.0 - params.clip)));
@else
      add_term(&losses, counted, -y * (logits[base + c] - top - log_total));
@end
      counted++;
    }
  }
  store(example, select(total_of(losses), nan, bad));
@end
@end
