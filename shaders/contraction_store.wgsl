// How the tiles of contraction_register.wgsl and contraction_workgroup.wgsl end: C(m, n … n+3) is stored, or left in
// partial[batch, split, m, n] (SPLIT) for a second kernel to add; so many products side by side (SIDE_BY_SIDE) in [m, batch, n] and
// partial[split, m, batch, n]. Rows and columns beyond the edge are dropped. Where N is a
// multiple of four (VECTOR) the four values are one store, else they are of columns STEP apart.

fn finish(m: u32, n: u32, part: u32, value: vec4f) {
  if ((m >= params.m) | (n >= params.n)) { return; }
@if SIDE_BY_SIDE
  let at = ((part % params.splits * params.m + m) * {{SIDE_BY_SIDE}}u + part / params.splits) * params.n + n;
@else
  let at = (part * params.m + m) * params.n + n;
@end
@if VECTOR
@if SPLIT
  partial[at / 4u] = value;
@else
  store(at / 4u, value);
@end
@else
@for c in 0..4
  if (n + ${c*STEP}u < params.n) {
@if SPLIT
    partial[at + ${c*STEP}u] = value[${c}];
@else
    store(at + ${c*STEP}u, value[${c}]);
@end
  }
@end
@end
}
