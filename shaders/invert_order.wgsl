// The inverse of a permutation a row of [rows, columns]: where each number stands. A thread an element.
// uniforms: size, columns

@main
  let i = global_invocation_index;
  if (i >= params.size) { return; }
  let p = i % params.columns;
  store(i - p + u32(order[i]), i32(p));
@end
