// Index of the first largest element along the middle of [outer, extent, inner]; a NaN counts as largest.
// One thread a result. uniforms: results = outer * inner, extent, inner

@main
  let result = global_invocation_index;
  if (result >= params.results) { return; }
  let base = result / params.inner * params.extent * params.inner + result % params.inner;
  var best = x[base];
  var at = 0u;
  for (var r = 1u; r < params.extent; r++) {
    let value = x[base + r * params.inner];
@if INTEGERS
    if (value > best) {
@else
    if (!is_nan(best) && (value > best || is_nan(value))) {
@end
      best = value;
      at = r;
    }
  }
  store(result, i32(at));
@end
