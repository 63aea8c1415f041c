// Cross-entropy of softmax(logits) with labels, and its gradient; the probabilities are never written out and the maximum is
// taken off first. After long_sum.wgsl and row_thread.wgsl or row_lanes.wgsl.
//
// x: logits [rows, columns], examples by classes. labels: class ids [rows] (IDS), or a distribution a row [rows, columns].
// Smoothed labels are y (1 - s) + s / columns. With CLIP, probabilities are cut to [clip, 1 - clip] before the logarithm
// and a cut one passes no gradient, as in Keras' classic loss.
//
// forward:  loss_b = -Σ_c y_c ln p_c
// GRADIENT: d_bj = upstream_b (p_j Σ_c m_c y_c - m_j y_j), with m_c = 0 where p_c was cut, else 1
// A class id that is out of range, or no whole number, gives NaN. uniforms: rows, columns, smoothing, clip, upstream (CONSTANT: one number for all)

@if STAGED_LABELS
var<workgroup> staged_labels: array<f32, {{PLACES}}>;
@end

fn label(at: u32, class_: u32, id: i32) -> f32 {
@if IDS
  let y = select(0.0, 1.0, i32(class_) == id);
@else
@if STAGED_LABELS
  let y = staged_labels[at];
@else
  let y = f32(labels[at]);
@end
@end
  return y * (1.0 - params.smoothing) + params.smoothing / f32(params.columns);
}

fn kept(probability: f32) -> bool {
@if CLIP
  return is_nan(probability) || (probability >= params.clip && probability <= 1.0 - params.clip);
@else
  return true;
@end
}

@main
  {{ENTER}}
@if STAGED_LABELS
  for (var slot = thread; slot < held + skew; slot += THREADS) {
    let at = slot - skew;
    if (slot >= skew) {
      staged_labels[at / params.columns * pitch + at % params.columns] = f32(labels[first * params.columns + at]);
    }
  }
  workgroupBarrier();
@end
@if IDS
  let given_id = f32(labels[row]);
  let id = i32(given_id);
  let bad = is_nan(given_id) || f32(id) != given_id || id < 0 || id >= i32(params.columns);
@else
  let id = 0;
  let bad = false;
@end
  var top = value(base + min(lane, params.columns - 1u));
  for (var c = lane + LANES; c < params.columns; c += LANES) { top = maximum(top, value(base + c)); }
  top = row_maximum(top, thread, place, reach);
  var sum = Sum();
  for (var c = lane; c < params.columns; c += LANES) { add_term(&sum, c / LANES, exp(value(base + c) - top)); }
  let total = row_sum(total_of(sum), thread, place, reach);
  // Every bit of the exponent set: NaN, made at run time because a constant one is refused.
  let nan = bitcast<f32>(params.rows | 0x7fc00000u);
@if GRADIENT
  var kept_labels = Sum();
  for (var c = lane; c < params.columns; c += LANES) {
    let counts = kept(exp(value(base + c) - top) / total);
    add_term(&kept_labels, c / LANES, select(0.0, label(base + c, c, id), counts));
  }
  let mass = row_sum(total_of(kept_labels), thread, place, reach);
  if (busy) {
    for (var c = lane; c < params.columns; c += LANES) {
      let p = exp(value(base + c) - top) / total;
      let d = p * mass - select(0.0, label(base + c, c, id), kept(p));
@if CONSTANT
      put(base + c, select(d * params.upstream, nan, bad));
@else
      put(base + c, select(d * upstream[row], nan, bad));
@end
    }
  }
  {{LEAVE}}
@else
  let log_total = logarithm(total);
  var losses = Sum();
  var counted = 0u;
  for (var c = lane; c < params.columns; c += LANES) {
    let y = label(base + c, c, id);
    // A label of 0 counts for nothing even where ln p is minus infinity.
    if (y != 0.0) {
@if CLIP
      let p = exp(value(base + c) - top) / total;
      add_term(&losses, counted, -y * logarithm(clip(p, params.clip, 1.0 - params.clip)));
@else
      add_term(&losses, counted, -y * (value(base + c) - top - log_total));
@end
      counted++;
    }
  }
  let loss = row_sum(total_of(losses), thread, place, reach);
  if (busy && lane == 0u) { store(row, select(loss, nan, bad)); }
@end
@end
