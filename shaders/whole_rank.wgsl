// How an int32 stands to a float32, neither of which is rounded: 1 above it, -1 below it, 0 equal; NaN beside NaN. After functions.wgsl.

fn whole_rank(x: I, y: V) -> V {
  let n = floor(y);
  // Beyond the range of int32 the sign decides.
  let within = (n >= V(-2147483648.0)) & (n < V(2147483648.0));
  let above = select((n < V(0.0)), (x > I(n)), within);
  let same = within & (n == y) & (x == I(n));
  return select(select(select(V(-1.0), V(0.0), same), V(1.0), above), y, is_nan(y));
}
