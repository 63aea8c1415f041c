// C[m, n] = Σ_k A(m, k) B(k, n) by a register tile a thread, without subgroups or workgroup memory. Loaders as in
// contraction_subgroup.wgsl; contraction_store.wgsl has the end.
//
// A thread takes TILE_M neighbouring rows and four times QUADS neighbouring columns, and sums four columns as one vec4f.
// An operand whose neighbours in memory are neighbours in k comes as four values of k a row or column (load_a, load_b). One
// whose neighbours are rows or columns (BLOCK_A, BLOCK_B) comes as four of these a k: load_rows(row, k) gives
// A(m … m+3, k), load_columns(column, k) gives B(k, n … n+3), m and n multiples of four.
//
// grid and uniforms: as contraction_subgroup.wgsl; neighbouring threads take neighbouring tiles of rows.

@main
{{SHARE}}  let m0 = (tile / params.tiles_n * {{WORKGROUP}}u + local_invocation_index) * {{TILE_M}}u;
  let n0 = (tile % params.tiles_n) * ${4*QUADS}u;
@if BLOCK_A
@for p in 0..BLOCKS
  let row${p} = row_of(min(m0 + ${4*p}u, params.m - 4u), batch);
@end
@else
@for i in 0..TILE_M
  let row${i} = row_of(min(m0 + ${i}u, params.m - 1u), batch);
@end
@end
@if BLOCK_B
@for q in 0..QUADS
  let column${q} = column_of(min(n0 + ${4*q}u, params.n - 4u), batch);
@end
@else
@for j in 0..COLUMNS
  let column${j} = column_of(min(n0 + ${j}u, params.n - 1u), batch);
@end
@end
@for i in 0..TILE_M
@for q in 0..QUADS
  var sum${i}_${q} = vec4f();
@end
@end
  for (var k = k_begin; k < k_end; k += 4u) {
@if BLOCK_A
@for p in 0..BLOCKS
@for c in 0..4
    let a${p}_${c} = load_rows(row${p}, k + ${c}u);
@end
@end
@else
@for i in 0..TILE_M
    let a${i} = load_a(row${i}, k);
@end
@end
@if !BLOCK_B
@for j in 0..COLUMNS
    let b${j} = load_b(column${j}, k);
@end
@end
@for q in 0..QUADS
@for c in 0..4
    {
@if BLOCK_B
      let b = load_columns(column${q}, k + ${c}u);
@else
      let b = vec4f(b${4*q}[${c}], b${4*q+1}[${c}], b${4*q+2}[${c}], b${4*q+3}[${c}]);
@end
@for i in 0..TILE_M
@if BLOCK_A
      sum${i}_${q} += a${i/4}_${c}[${i%4}] * b;
@else
      sum${i}_${q} += a${i}[${c}] * b;
@end
@end
    }
@end
@end
  }
  // Rolled up, because every copy of a long epilogue costs compile time; the array is then memory, not registers.
  var tile_: array<vec4f, ${TILE_M*QUADS}>;
@for i in 0..TILE_M
@for q in 0..QUADS
  tile_[${i*QUADS+q}] = sum${i}_${q};
@end
@end
  for (var at = 0u; at < ${TILE_M*QUADS}u; at++) {
    finish(m0 + at / {{QUADS}}u, n0 + at % {{QUADS}}u * 4u, part, tile_[at]);
  }
@end
