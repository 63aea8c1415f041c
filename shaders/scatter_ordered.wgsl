// The transpose of gather along the first axis, for many ids: y[row, inner] = Σ_i [ids_i = row] g[i, inner].
// One thread an element; `order` has the places of the ids in ascending order, so that it finds those of its row by halving,
// and equal ids by their place: nothing is added atomically, and the sum is the same every time. After long_sum.wgsl.
// uniforms: count, ids, inner

@main
  let at = global_invocation_index;
  if (at >= params.count) { return; }
  let inner = at % params.inner;
  let row = i32(at / params.inner);
  var begin = 0u;
  var end = params.ids;
  while (begin < end) {
    let middle = (begin + end) / 2u;
    if (ids[u32(order[middle])] < row) { begin = middle + 1u; } else { end = middle; }
  }
  var sum = Sum();
  for (var next = begin; next < params.ids; next++) {
    let i = u32(order[next]);
    if (ids[i] != row) { break; }
    add_term(&sum, next - begin, g[i * params.inner + inner]);
  }
  store(at, total_of(sum));
@end
