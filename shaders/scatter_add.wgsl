// The transpose of gather: y[outer, row, inner] = Σ_i [ids_i = row] g[outer, i, inner].
// One thread an element; it looks through all ids in order, so nothing is added atomically and the sum is the same every
// time. After long_sum.wgsl. uniforms: count, rows, ids, inner

@main
  let at = global_invocation_index;
  if (at >= params.count) { return; }
  let inner = at % params.inner;
  let row = at / params.inner % params.rows;
  let outer = at / params.inner / params.rows;
  var sum = Sum();
  var found = 0u;
  for (var i = 0u; i < params.ids; i++) {
    if (u32(ids[i]) == row) {
      add_term(&sum, found, g[(outer * params.ids + i) * params.inner + inner]);
      found++;
    }
  }
  store(at, total_of(sum));
@end
