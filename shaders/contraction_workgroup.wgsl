// C[m, n] = Σ_k A(m, k) B(k, n) by a tile a workgroup, staged through its memory: for real GPUs, where many threads share
// each load. Loaders as in contraction_subgroup.wgsl; contraction_store.wgsl has the end.
//
// A workgroup takes SIDE by SIDE results, k sixteen at a time: its threads load both strips, four values of k a load, wait
// for each other, and each multiplies 4 rows by 4 columns. The strips lie by quads of k, so that threads side by side read
// and write side by side. Threads side by side load along k where the operand's neighbours are neighbours in k (ALONG_K_A,
// ALONG_K_B), else along rows or columns. A thread's rows lie ACROSS apart; its columns are neighbours, kept ACROSS apart.
// Beyond the edges the last row or column is loaded again and never stored; beyond the end of k both are zero.
//
// grid and uniforms: as contraction_subgroup.wgsl.

// A quad of k is one place longer than it has rows, to spread over the banks.
const STRIDE = {{SIDE}}u + 1u;
const ACROSS = {{SIDE}}u / 4u;

var<workgroup> strip_a: array<vec4f, 4u * STRIDE>;
var<workgroup> strip_b: array<vec4f, 4u * STRIDE>;

@main
{{SHARE}}  let thread = local_invocation_index;
  let m0 = tile / params.tiles_n * {{SIDE}}u;
  let n0 = tile % params.tiles_n * {{SIDE}}u;
  let x_ = thread % ACROSS;
  let y_ = thread / ACROSS;
@for l in 0..LOADS
  let slot${l} = thread + ${l}u * {{WORKGROUP}}u;
@if ALONG_K_A
  let quad_a${l} = slot${l} % 4u;
  let place_a${l} = slot${l} / 4u;
@else
  let quad_a${l} = slot${l} / {{SIDE}}u;
  let place_a${l} = slot${l} % {{SIDE}}u;
@end
@if ALONG_K_B
  let quad_b${l} = slot${l} % 4u;
  let place_b${l} = slot${l} / 4u;
@else
  let quad_b${l} = slot${l} / {{SIDE}}u;
  let place_b${l} = slot${l} % {{SIDE}}u;
@end
  let row${l} = row_of(min(m0 + place_a${l}, params.m - 1u), batch);
  let column${l} = column_of(min(n0 + place_b${l}, params.n - 1u), batch);
  let to_a${l} = quad_a${l} * STRIDE + place_a${l};
  let to_b${l} = quad_b${l} * STRIDE + place_b${l} % 4u * ACROSS + place_b${l} / 4u;
@end
@for i in 0..4
  var sum${i} = vec4f();
@end
  for (var k = k_begin; k < k_end; k += 16u) {
@for l in 0..LOADS
    {
      let k_a = k + quad_a${l} * 4u;
      var a_ = vec4f();
      if (k_a < k_end) { a_ = load_a(row${l}, k_a); }
      strip_a[to_a${l}] = a_;
      let k_b = k + quad_b${l} * 4u;
      var b_ = vec4f();
      if (k_b < k_end) { b_ = load_b(column${l}, k_b); }
      strip_b[to_b${l}] = b_;
    }
@end
    workgroupBarrier();
    for (var quad = 0u; quad < 4u; quad++) {
      let from_a = quad * STRIDE + y_;
      let from_b = quad * STRIDE + x_;
@for j in 0..4
      let b${j} = strip_b[from_b + ${j}u * ACROSS];
@end
@for i in 0..4
      {
        let a_ = strip_a[from_a + ${i}u * ACROSS];
        sum${i} += vec4f(dot(a_, b0), dot(a_, b1), dot(a_, b2), dot(a_, b3));
      }
@end
    }
    workgroupBarrier();
  }
@if ROLLED
  var tile_: array<vec4f, 4>;
@for i in 0..4
  tile_[${i}] = sum${i};
@end
  for (var at = 0u; at < 4u; at++) { finish(m0 + y_ + at * ACROSS, n0 + x_ * 4u, part, tile_[at]); }
@else
@for i in 0..4
  finish(m0 + y_ + ${i}u * ACROSS, n0 + x_ * 4u, part, sum${i});
@end
@end
@end
