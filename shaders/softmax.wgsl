// Softmax or its logarithm along the last axis of [rows, columns], the maximum taken off first. After long_sum.wgsl and
// row_thread.wgsl or row_lanes.wgsl.
// uniforms: rows, columns

@main
  {{ENTER}}
  var top = value(base + min(lane, params.columns - 1u));
  for (var c = lane + LANES; c < params.columns; c += LANES) { top = maximum(top, value(base + c)); }
  top = row_maximum(top, thread, place, reach);
  var sum = Sum();
  for (var c = lane; c < params.columns; c += LANES) { add_term(&sum, c / LANES, exp(value(base + c) - top)); }
  let total = row_sum(total_of(sum), thread, place, reach);
  if (busy) {
@if LOG
    let log_total = logarithm(total);
    for (var c = lane; c < params.columns; c += LANES) { put(base + c, value(base + c) - top - log_total); }
@else
    for (var c = lane; c < params.columns; c += LANES) { put(base + c, exp(value(base + c) - top) / total); }
@end
  }
  {{LEAVE}}
@end
