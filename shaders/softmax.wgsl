// Softmax or its logarithm along the last axis of [rows, columns], the maximum taken off first. One thread a row.
// After long_sum.wgsl.
// uniforms: rows, columns

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = (group.y * groups.x + group.x) * 64u + thread;
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
}
