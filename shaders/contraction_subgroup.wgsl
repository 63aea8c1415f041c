// C[m, n] = Σ_k A(m, k) B(k, n) by tiles that a subgroup shares: the loop under matrix products and convolutions. What A and
// B are is said by the loaders that are put in front: row_of(m, batch) and column_of(n, batch) prepare what does not change
// with k, load_a(row, k) and load_b(column, k) give A(m, k … k+3) and B(k … k+3, n), zero beyond K.
//
// The lanes of a subgroup take TILE_M blocks of neighbouring rows and TILE_N blocks of neighbouring columns, LANES each: a
// lane loads one row of a block of rows and one column of a block of columns, and the subgroup broadcasts the columns to
// all, so that a load serves LANES rows and LANES columns. For adapters where loads are what costs (lavapipe, SwiftShader).
// With BLOCK_B a lane loads four neighbouring columns of one k: load_columns(column, k).
// Tiles are text, not arrays: not every driver keeps an array in registers.
//
// grid: x, y fold [batch, split, tile of rows, tile of columns], the last fastest. uniforms: m, n, k, tiles_n, tiles (of one
// product), work (tiles * batch * splits), chunk (of k, a multiple of 4), splits, stores. With SPLIT,
// partial[batch, split, m, n] is written and a second kernel adds the parts. So many products side by side (SIDE_BY_SIDE): see
// contraction_store.wgsl.

@main
{{SHARE}}  let thread = local_invocation_index;
  let lane = thread % {{LANES}}u;
  let m0 = ((tile / params.tiles_n) * ({{WORKGROUP}}u / {{LANES}}u) + thread / {{LANES}}u) * {{ROWS}}u + lane;
  let n0 = (tile % params.tiles_n) * {{COLUMNS}}u;
@for i in 0..TILE_M
  let row${i} = row_of(min(m0 + ${i}u * {{LANES}}u, params.m - 1u), batch);
@end
@for j in 0..TILE_N
@if BLOCK_B
  let column${j} = column_of(min(n0 + ${j}u * {{LANES}}u + lane % {{BLOCKS}}u * 4u, params.n - 4u), batch);
@else
  let column${j} = column_of(min(n0 + ${j}u * {{LANES}}u + lane, params.n - 1u), batch);
@end
@end
@for i in 0..TILE_M
@for c in 0..COLUMNS
  var sum${i}_${c} = 0.0;
@end
@end
  for (var k = k_begin; k < k_end; k += 4u) {
@for i in 0..TILE_M
    let a${i} = load_a(row${i}, k);
@end
@for j in 0..TILE_N
@if BLOCK_B
    let b${j} = load_columns(column${j}, k + lane / {{BLOCKS}}u);
@else
    let b${j} = load_b(column${j}, k);
@end
@for c in 0..LANES
    {
@if BLOCK_B
      let b = vec4f(
        subgroupBroadcast(b${j}[${c%4}], ${c/4}u), subgroupBroadcast(b${j}[${c%4}], ${BLOCKS+c/4}u),
        subgroupBroadcast(b${j}[${c%4}], ${2*BLOCKS+c/4}u), subgroupBroadcast(b${j}[${c%4}], ${3*BLOCKS+c/4}u));
@else
      let b = subgroupBroadcast(b${j}, ${c}u);
@end
@for i in 0..TILE_M
      sum${i}_${j*LANES+c} += dot(a${i}, b);
@end
    }
@end
@end
  }
  // Rolled up, because every copy of a long epilogue costs compile time; the array is then memory, not registers.
@if VECTOR
  var tile_: array<vec4f, ${TILE_M*QUADS}>;
@for i in 0..TILE_M
@for q in 0..QUADS
  tile_[${i*QUADS+q}] = vec4f(sum${i}_${4*q}, sum${i}_${4*q+1}, sum${i}_${4*q+2}, sum${i}_${4*q+3});
@end
@end
@else
  var tile_: array<f32, ${TILE_M*COLUMNS}>;
@for i in 0..TILE_M
@for c in 0..COLUMNS
  tile_[${i*COLUMNS+c}] = sum${i}_${c};
@end
@end
@end
  for (var at = 0u; at < params.stores; at++) {
    let m = m0 + at / {{ROW_STORES}}u * {{LANES}}u;
    let n = n0 + at % {{ROW_STORES}}u * {{WIDTH}}u;
@if SIDE_BY_SIDE
    let place = (((part % params.splits * params.m + m) * {{SIDE_BY_SIDE}}u + batch) * params.n + n) / {{WIDTH}}u;
@else
    let place = ((part * params.m + m) * params.n + n) / {{WIDTH}}u;
@end
@if SPLIT
    if (m < params.m && n < params.n) { partial[place] = tile_[at]; }
@else
    if (m < params.m && n < params.n) { store(place, tile_[at]); }
@end
  }
@end
