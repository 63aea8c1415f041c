// Reduces a tensor seen as [outer, extent, columns] over `extent`, in chunks, on a GPU: result [outer, chunks, columns].
// After reduce_values.wgsl and of_thread.wgsl.
//
// A stretch is a chunk of one outer index. A workgroup takes `rows` stretches of `across` neighbouring columns with `lanes`
// threads each: threads side by side read columns side by side, then the next place along the extent. A thread combines every
// lanes-th value, four at a time so that their loads are under way together; then the threads of a column are combined in
// pairs. The order depends on the shape alone, not on the subgroups' size.
//
// ALONG: there is one column, and a `V` is four values along the extent; they are combined last. QUAD: so are four rows to
// one `V` of results.
// uniforms: stretches = outer * chunks, extent, columns, chunk, chunks, blocks (of `across` columns), across, lanes, rows,
// block, aligned (1 where the distance between the threads of a column is a power of two)

// Of `count` values of one thread.
fn block(i: u32, r: u32, count: u32) -> N {
  let stride = params.lanes;
  let apart = stride * params.columns;
  var total = N();
  var k = 0u;
  for (; k + 4u <= count; k += 4u) {
@for j in 0..4
    let value${j} = value(i + (k + ${j}u) * apart, r + (k + ${j}u) * stride);
@end
    let four = combine(combine(value0, value1), combine(value2, value3));
    if (k == 0u) { total = four; } else { total = combine(total, four); }
  }
  for (; k < count; k++) {
    let last = value(i + k * apart, r + k * stride);
    if (k == 0u) { total = last; } else { total = combine(total, last); }
  }
  return total;
}

// In blocks, since in one long sum the late ones would be rounded away. Their length is a uniform, so that no driver unrolls them.
fn blocks(i: u32, r: u32, count: u32) -> N {
  var total = N();
  for (var k = 0u; k < count; k += params.block) {
    let next = r + k * params.lanes;
    let part = block(i + k * params.lanes * params.columns, next, min(params.block, count - k));
    if (k == 0u) { total = part; } else { total = combine(total, part); }
  }
  return total;
}

@main
  let thread = local_invocation_index;
@if SUBGROUPS
  let place = subgroup_invocation_id;
  let reach = subgroup_size * params.aligned;
@else
  let place = 0u;
  let reach = 0u;
@end
  let team = params.across * params.lanes;
  let lane = thread / params.across % params.lanes;
  let column = workgroup_index % params.blocks * params.across + thread % params.across;
  let stretch = workgroup_index / params.blocks * params.rows + thread / team;
  let begin = stretch % params.chunks * params.chunk;
  let length = min(params.chunk, params.extent - begin);
  let first = begin + lane;
  let busy = thread < params.rows * team && stretch < params.stretches && column < params.columns && lane < length;
  var total = N();
  if (busy) {
    let i = (stretch / params.chunks * params.extent + first) * params.columns + column;
    total = blocks(i, first, (length - lane + params.lanes - 1u) / params.lanes);
  }
  for (var span = 1u; span < params.lanes; span *= 2u) {
    let distance = span * params.across;
    let other = of_thread(total, thread, thread + distance, place, 2u * distance <= reach);
    if (lane % (2u * span) == 0u && lane + span < min(params.lanes, length)) { total = combine(total, other); }
  }
@if ALONG
  total = combine(total, total.yxwz);
  total = combine(total, total.zwxy);
@end
@if QUAD
  var results = total;
@for j in 0..3
  results[${j+1}] = of_thread(total, thread, thread + ${j+1}u * team, place, 4u * team <= reach).x;
@end
  if (busy && thread == 0u) {
    let result = stretch / 4u;
    total = results;
    {{RESULT}}
  }
@else
  if (busy && lane == 0u) {
    let result = stretch * params.columns + column;
    {{RESULT}}
  }
@end
@end
