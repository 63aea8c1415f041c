// Softmax or its logarithm along the last axis of [rows, columns], the maximum taken off first. One thread a row.
// After long_sum.wgsl.
// uniforms: rows, columns

@main
  let row = global_invocation_index;
  if (row >= params.rows) { return; }
  let base = row * params.columns;
  var top = x[base];
  for (var c = 1u; c < params.columns; c++) { top = maximum(top, x[base + c]); }
  var sum = Sum();
  for (var c = 0u; c < params.columns; c++) { add_term(&sum, c, exp(x[base + c] - top)); }
  let total = total_of(sum);
@if LOG
  let log_total = logarithm(total);
  for (var c = 0u; c < params.columns; c++) { store(base + c, x[base + c] - top - log_total); }
@else
  for (var c = 0u; c < params.columns; c++) { store(base + c, exp(x[base + c] - top) / total); }
@end
@end
