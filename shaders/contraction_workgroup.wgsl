// C[m, n] = Σ_k A(m, k) B(k, n) by a tile a workgroup, staged through its memory: for real GPUs, where many threads share
// each load. Loaders as in contraction_register.wgsl; contraction_store.wgsl has the end.
//
// A workgroup takes ROWS by COLUMNS results, and of k sixteen values at a time: its threads write a strip of A and one of B, wait
// for each other, and add up outer products. A thread multiplies 4 P rows by 4 Q columns, k after k. A strip lies in memory as
// [k][quad], and a vec4f of it is a quad: four rows (or columns) of one k. A quad has four neighbours, or (SPREAD) every
// QUADS-th place, so that threads side by side load, or store, what lies side by side.
//
// Threads load blocks, four k of a quad, for two strips at once: where neighbours in memory are neighbours in k (ALONG_K), eight
// threads then read 128 bytes of a row, a line of the cache. What the second strip takes waits in registers. Where a thread
// loads more than one block, every other one lies sixteen k further, so that each strip takes half of its blocks.
//
// With ALONG_K, threads side by side write to places that are multiples of 128 bytes apart, all in the same banks. So quad q
// of k lies at place q ^ (k / 4 % TWIST).
//
// An operand whose rows in memory are no whole lines is read as the contiguous memory that it is, where the tile has it whole:
// by quads (FLAT), or, where its elements are loaded one by one (STAGED), into memory of its own first, out of which threads then
// take their blocks. Rows that are read one by one along k and are too long for that (SINGLES quads a thread) are read by 32 threads
// side by side, a k each.
// A narrow tile (SLICED) has SLICES threads for each place: they take turns along k, four k each, and add up at the end in the
// workgroup's memory, out of which rows are stored as they lie. So are those whose results are stored one by one (REGROUPED), a row
// of each thread at a time.
// Beyond the edges the last row or column is loaded again and never stored; beyond the end of k both are zero.
//
// grid and uniforms: as contraction_subgroup.wgsl; chunk is a multiple of 32.

const DEPTH = 16u;
// Quads of a strip's rows and columns, and threads along them.
const QUADS_A = {{QUADS_A}}u;
const QUADS_B = {{QUADS_B}}u;
const ACROSS_A = {{ACROSS_A}}u;
const ACROSS_B = {{ACROSS_B}}u;

// [k / 4][k % 4][quad / ACROSS][quad % ACROSS]: with such indices most are constants or do not change in the innermost loop, which
// then spends nothing on the checks that WebGPU puts in front of accesses.
var<workgroup> strip_a: array<array<array<array<vec4f, ACROSS_A>, {{P}}>, 4>, DEPTH / 4u>;
var<workgroup> strip_b: array<array<array<array<vec4f, ACROSS_B>, {{Q}}>, 4>, DEPTH / 4u>;
@if STAGED_A
// [k][row] of two strips, or, with ALL_K_A, [row][k].
var<workgroup> staged_a: array<f32, {{STAGED_A}}>;
@end
@if STAGED_B
// [k][column] of two strips, or, with ALL_K_B, [column][k].
var<workgroup> staged_b: array<f32, {{STAGED_B}}>;
@end

// Four k of A's quad: element c is the quad of k + c.
@if STAGED_A
fn value_a(at: u32, k: u32) -> f32 {
@if ALL_K_A
  return select(0.0, staged_a[at * params.k + min(k, params.k - 1u)], k < params.k);
@else
  return staged_a[k % 32u * params.m + at];
@end
}
fn four_a(at: u32, k: u32) -> vec4f {
  return vec4f(value_a(at, k), value_a(at, k + 1u), value_a(at, k + 2u), value_a(at, k + 3u));
}
@end
fn block_a(m0: u32, quad: u32, batch: u32, k: u32) -> mat4x4f {
@if BLOCK_A
  let row = row_of(min(m0 + quad * 4u, params.m - 4u), batch);
  return mat4x4f(load_rows(row, k), load_rows(row, k + 1u), load_rows(row, k + 2u), load_rows(row, k + 3u));
@else
@if SPREAD_A
  let m = min(vec4u(m0 + quad) + vec4u(0u, 1u, 2u, 3u) * QUADS_A, vec4u(params.m - 1u));
@else
  let m = min(vec4u(m0 + quad * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(params.m - 1u));
@end
@if STAGED_A
  let at = m - vec4u(m0);
  return transpose(mat4x4f(four_a(at.x, k), four_a(at.y, k), four_a(at.z, k), four_a(at.w, k)));
@else
  return transpose(mat4x4f(
    load_a(row_of(m.x, batch), k), load_a(row_of(m.y, batch), k),
    load_a(row_of(m.z, batch), k), load_a(row_of(m.w, batch), k)));
@end
@end
}

@if SINGLES_A
// Four of one k, of which the first is `places` behind the one at `first`; none beyond the last.
fn single_a(first: u32, last: u32, places: u32) -> vec4f {
@if SPREAD_A
  const STEP = QUADS_A;
@else
  const STEP = 1u;
@end
  let at = min(vec4u(first) + (vec4u(places) + vec4u(0u, 1u, 2u, 3u) * STEP) * params.k, vec4u(last));
  return vec4f({{ARRAY_A}}[at.x], {{ARRAY_A}}[at.y], {{ARRAY_A}}[at.z], {{ARRAY_A}}[at.w]);
}

@end
fn write_a(k: u32, quad: u32, block: mat4x4f) {
  let at = (quad % ACROSS_A) ^ (k / 4u % {{TWIST_A}}u);
@for c in 0..4
  strip_a[k / 4u][${c}][quad / ACROSS_A][at] = block[${c}];
@end
}

// Four k of B's quad: element c is the quad of k + c.
@if STAGED_B
fn value_b(at: u32, k: u32) -> f32 {
@if ALL_K_B
  return select(0.0, staged_b[at * params.k + min(k, params.k - 1u)], k < params.k);
@else
  return staged_b[k % 32u * params.n + at];
@end
}
fn four_b(at: u32, k: u32) -> vec4f {
  return vec4f(value_b(at, k), value_b(at, k + 1u), value_b(at, k + 2u), value_b(at, k + 3u));
}
@end
fn block_b(n0: u32, quad: u32, batch: u32, k: u32) -> mat4x4f {
@if BLOCK_B
  let column = column_of(min(n0 + quad * 4u, params.n - 4u), batch);
  return mat4x4f(
    load_columns(column, k), load_columns(column, k + 1u), load_columns(column, k + 2u), load_columns(column, k + 3u));
@else
@if SPREAD_B
  let n = min(vec4u(n0 + quad) + vec4u(0u, 1u, 2u, 3u) * QUADS_B, vec4u(params.n - 1u));
@else
  let n = min(vec4u(n0 + quad * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(params.n - 1u));
@end
@if STAGED_B
  let at = n - vec4u(n0);
  return transpose(mat4x4f(four_b(at.x, k), four_b(at.y, k), four_b(at.z, k), four_b(at.w, k)));
@else
  return transpose(mat4x4f(
    load_b(column_of(n.x, batch), k), load_b(column_of(n.y, batch), k),
    load_b(column_of(n.z, batch), k), load_b(column_of(n.w, batch), k)));
@end
@end
}

@if SINGLES_B
// Four of one k, of which the first is `places` behind the one at `first`; none beyond the last.
fn single_b(first: u32, last: u32, places: u32) -> vec4f {
@if SPREAD_B
  const STEP = QUADS_B;
@else
  const STEP = 1u;
@end
  let at = min(vec4u(first) + (vec4u(places) + vec4u(0u, 1u, 2u, 3u) * STEP) * params.k, vec4u(last));
  return vec4f({{ARRAY_B}}[at.x], {{ARRAY_B}}[at.y], {{ARRAY_B}}[at.z], {{ARRAY_B}}[at.w]);
}

@end
fn write_b(k: u32, quad: u32, block: mat4x4f) {
  let at = (quad % ACROSS_B) ^ (k / 4u % {{TWIST_B}}u);
@for c in 0..4
  strip_b[k / 4u][${c}][quad / ACROSS_B][at] = block[${c}];
@end
}

@if KEEPS
// Results lie in strip_a in the end, as [row][quad of columns].
fn kept(at: u32) -> vec4f {
  return strip_a[at / QUADS_A / 4u][at / QUADS_A % 4u][at / ACROSS_A % {{P}}u][at % ACROSS_A];
}
fn keep(at: u32, value: vec4f) {
  strip_a[at / QUADS_A / 4u][at / QUADS_A % 4u][at / ACROSS_A % {{P}}u][at % ACROSS_A] = value;
}
@end

// A block of a pair: with `turned` the other one.
fn chosen(one: mat4x4f, other: mat4x4f, turned: bool) -> mat4x4f {
  return mat4x4f(
    select(one[0], other[0], turned), select(one[1], other[1], turned),
    select(one[2], other[2], turned), select(one[3], other[3], turned));
}

// A thread's i-th row, and the first of its q-th four columns.
@if SPREAD_A
fn row_at(y: u32, i: u32) -> u32 { return y + i / 4u * ACROSS_A + i % 4u * QUADS_A; }
@else
fn row_at(y: u32, i: u32) -> u32 { return (y + i / 4u * ACROSS_A) * 4u + i % 4u; }
@end
@if SPREAD_B
fn column_at(x: u32, q: u32) -> u32 { return x + q * ACROSS_B; }
@else
fn column_at(x: u32, q: u32) -> u32 { return (x + q * ACROSS_B) * 4u; }
@end

@main
{{SHARE}}  let thread = local_invocation_index;
  let m0 = tile / params.tiles_n * {{ROWS}}u;
  let n0 = tile % params.tiles_n * {{COLUMNS}}u;
  // The quad of each block that the thread loads, and its first k, counted from the first of the two strips. Of a pair, the
  // first block goes to the first strip, or, where its k lies in the second, the other one (turned).
@if ALONG_K_A
  let turned_a = thread % 8u >= 4u;
@end
@for l in 0..LOADS_A
@if ALONG_K_A
  let quad_a${l} = (thread / 8u + ${l*WORKGROUP/8}u);
  let k_a${l} = (thread % 8u * 4u) ^ ${l%2*16}u;
@else
  let quad_a${l} = thread % QUADS_A;
  let k_a${l} = (thread / QUADS_A + ${l/2*WORKGROUP/QUADS_A}u) * 4u + ${l%2*16}u;
@end
@end
@if ALONG_K_B
  let turned_b = thread % 8u >= 4u;
@end
@for l in 0..LOADS_B
@if ALONG_K_B
  let quad_b${l} = (thread / 8u + ${l*WORKGROUP/8}u);
  let k_b${l} = (thread % 8u * 4u) ^ ${l%2*16}u;
@else
  let quad_b${l} = thread % QUADS_B;
  let k_b${l} = (thread / QUADS_B + ${l/2*WORKGROUP/QUADS_B}u) * 4u + ${l%2*16}u;
@end
@end
  let x_ = thread % ACROSS_B;
@if SLICED
  let y_ = thread / ACROSS_B % ACROSS_A;
  let slice = thread / (ACROSS_A * ACROSS_B);
@else
  let y_ = thread / ACROSS_B;
@end
@for i in 0..HEIGHT
@for q in 0..Q
  var sum${i}_${q} = vec4f();
@end
@end
@if STAGED_X
  stage_x(m0, min(m0 + {{ROWS}}u, params.m) - 1u, thread, {{WORKGROUP}}u);
  workgroupBarrier();
@end
  for (var k = k_begin; k < k_end; k += 32u) {
@if STAGED_A
    {
@if ALL_K_A
      let length = min({{ROWS}}u, params.m - m0) * params.k;
      let whole = length;
      let base = row_of(m0, batch);
@else
      let length = 32u * params.m;
      let whole = min(32u, k_end - k) * params.m;
      let base = row_of(m0, batch) + k * params.m;
@end
      for (var at = thread; at < length; at += {{WORKGROUP}}u) {
        staged_a[at] = select(0.0, {{ARRAY_A}}[base + min(at, whole - 1u)], at < whole);
      }
    }
@end
@if STAGED_B
    {
@if ALL_K_B
      let length = min({{COLUMNS}}u, params.n - n0) * params.k;
      let whole = length;
      let base = column_of(n0, batch);
@else
      let length = 32u * params.n;
      let whole = min(32u, k_end - k) * params.n;
      let base = column_of(n0, batch) + k * params.n;
@end
      for (var at = thread; at < length; at += {{WORKGROUP}}u) {
        staged_b[at] = select(0.0, {{ARRAY_B}}[base + min(at, whole - 1u)], at < whole);
      }
    }
@end
@if STAGED
    workgroupBarrier();
@end
@if SINGLES_A
    let single_k_a = thread % 32u;
@if SPREAD_A
    let single_a_first = row_of(m0 + thread / 32u, batch) + k + single_k_a;
    const SINGLE_A = ${WORKGROUP/32}u;
@else
    let single_a_first = row_of(m0 + thread / 32u * 4u, batch) + k + single_k_a;
    const SINGLE_A = ${WORKGROUP/8}u;
@end
    let single_a_last = row_of(params.m - 1u, batch) + k + single_k_a;
@for l in 0..SINGLES_A
    var a${l}_ = vec4f();
    let single_a${l} = thread / 32u + ${l*WORKGROUP/32}u;
@if SPARE_A
    if ((single_a${l} < QUADS_A) & (k + single_k_a < k_end)) {
@else
    if (k + single_k_a < k_end) {
@end
      a${l}_ = single_a(single_a_first, single_a_last, ${l}u * SINGLE_A);
    }
@end
@end
@if ALONG_K_A
@for l in 0..LOADS_A
    var a${l} = mat4x4f();
@if CHECK_A
    if ((quad_a${l} < QUADS_A) & (k + k_a${l} < k_end)) {
@else
    {
@end
      a${l} = block_a(m0, quad_a${l}, batch, k + k_a${l});
    }
@end
@for j in 0..PAIRS_A
    let a${2*j}_ = chosen(a${2*j}, a${2*j+1}, turned_a);
    let a${2*j+1}_ = chosen(a${2*j+1}, a${2*j}, turned_a);
@end
@end
@if SINGLES_B
    let single_k_b = thread % 32u;
@if SPREAD_B
    let single_b_first = column_of(n0 + thread / 32u, batch) + k + single_k_b;
    const SINGLE_B = ${WORKGROUP/32}u;
@else
    let single_b_first = column_of(n0 + thread / 32u * 4u, batch) + k + single_k_b;
    const SINGLE_B = ${WORKGROUP/8}u;
@end
    let single_b_last = column_of(params.n - 1u, batch) + k + single_k_b;
@for l in 0..SINGLES_B
    var b${l}_ = vec4f();
    let single_b${l} = thread / 32u + ${l*WORKGROUP/32}u;
@if SPARE_B
    if ((single_b${l} < QUADS_B) & (k + single_k_b < k_end)) {
@else
    if (k + single_k_b < k_end) {
@end
      b${l}_ = single_b(single_b_first, single_b_last, ${l}u * SINGLE_B);
    }
@end
@end
@if ALONG_K_B
@for l in 0..LOADS_B
    var b${l} = mat4x4f();
@if CHECK_B
    if ((quad_b${l} < QUADS_B) & (k + k_b${l} < k_end)) {
@else
    {
@end
      b${l} = block_b(n0, quad_b${l}, batch, k + k_b${l});
    }
@end
@for j in 0..PAIRS_B
    let b${2*j}_ = chosen(b${2*j}, b${2*j+1}, turned_b);
    let b${2*j+1}_ = chosen(b${2*j+1}, b${2*j}, turned_b);
@end
@end
@for h in 0..2
@if FLATS_A
@for l in 0..FLATS_A
    var a_${l}_${h} = vec4f();
    let flat_a_${l}_${h} = thread + ${l*WORKGROUP}u;
    let deep_a_${l}_${h} = flat_a_${l}_${h} / {{WHOLE_A}}u;
    if ((deep_a_${l}_${h} < DEPTH) & (k + ${16*h}u + deep_a_${l}_${h} < k_end)) {
      a_${l}_${h} = load_rows(row_of(m0 + flat_a_${l}_${h} % {{WHOLE_A}}u * 4u, batch), k + ${16*h}u + deep_a_${l}_${h});
    }
@end
@else
@if BY_BLOCKS_A
@if PAIRS_A
@for j in 0..PAIRS_A
    var a${2*j+h}_ = mat4x4f();
@if ENDS
    if (k + k_a${2*j+h} < k_end)
@end
    { a${2*j+h}_ = block_a(m0, quad_a${2*j}, batch, k + k_a${2*j+h}); }
@end
@else
    var a${h}_ = mat4x4f();
    if ((k_a0 / DEPTH == ${h}u) & (k + k_a0 < k_end)) { a${h}_ = block_a(m0, quad_a0, batch, k + k_a0); }
@end
@end
@end
@if FLATS_B
@for l in 0..FLATS_B
    var b_${l}_${h} = vec4f();
    let flat_b_${l}_${h} = thread + ${l*WORKGROUP}u;
    let deep_b_${l}_${h} = flat_b_${l}_${h} / {{WHOLE_B}}u;
    if ((deep_b_${l}_${h} < DEPTH) & (k + ${16*h}u + deep_b_${l}_${h} < k_end)) {
      b_${l}_${h} = load_columns(column_of(n0 + flat_b_${l}_${h} % {{WHOLE_B}}u * 4u, batch), k + ${16*h}u + deep_b_${l}_${h});
    }
@end
@else
@if BY_BLOCKS_B
@if PAIRS_B
@for j in 0..PAIRS_B
    var b${2*j+h}_ = mat4x4f();
@if ENDS
    if (k + k_b${2*j+h} < k_end)
@end
    { b${2*j+h}_ = block_b(n0, quad_b${2*j}, batch, k + k_b${2*j+h}); }
@end
@else
    var b${h}_ = mat4x4f();
    if ((k_b0 / DEPTH == ${h}u) & (k + k_b0 < k_end)) { b${h}_ = block_b(n0, quad_b0, batch, k + k_b0); }
@end
@end
@end
    // Nobody reads the strips any more.
    workgroupBarrier();
@if FLATS_A
@for l in 0..FLATS_A
    if (deep_a_${l}_${h} < DEPTH) {
      let k_ = deep_a_${l}_${h};
      let quad = flat_a_${l}_${h} % {{WHOLE_A}}u;
      strip_a[k_ / 4u][k_ % 4u][quad / ACROSS_A][quad % ACROSS_A] = a_${l}_${h};
    }
@end
@else
@if SINGLES_A
    if (single_k_a / DEPTH == ${h}u) {
      let k_ = single_k_a % DEPTH;
@for l in 0..SINGLES_A
@if SPARE_A
      if (single_a${l} < QUADS_A)
@end
      {
        strip_a[k_ / 4u][k_ % 4u][single_a${l} / ACROSS_A][(single_a${l} % ACROSS_A) ^ (k_ / 4u % {{TWIST_A}}u)] = a${l}_;
      }
@end
    }
@else
@if PAIRS_A
@for j in 0..PAIRS_A
@if ALONG_K_A
    write_a(k_a${2*j} % DEPTH, select(quad_a${2*j+h}, quad_a${2*j+(h+1)%2}, turned_a), a${2*j+h}_);
@else
    write_a(k_a${2*j} % DEPTH, quad_a${2*j}, a${2*j+h}_);
@end
@end
@else
@if ALONG_K_A
    if ((k_a0 / DEPTH == ${h}u) & (quad_a0 < QUADS_A)) { write_a(k_a0 % DEPTH, quad_a0, a0); }
@else
    if (k_a0 / DEPTH == ${h}u) { write_a(k_a0 % DEPTH, quad_a0, a${h}_); }
@end
@end
@end
@end
@if FLATS_B
@for l in 0..FLATS_B
    if (deep_b_${l}_${h} < DEPTH) {
      let k_ = deep_b_${l}_${h};
      let quad = flat_b_${l}_${h} % {{WHOLE_B}}u;
      strip_b[k_ / 4u][k_ % 4u][quad / ACROSS_B][quad % ACROSS_B] = b_${l}_${h};
    }
@end
@else
@if SINGLES_B
    if (single_k_b / DEPTH == ${h}u) {
      let k_ = single_k_b % DEPTH;
@for l in 0..SINGLES_B
@if SPARE_B
      if (single_b${l} < QUADS_B)
@end
      {
        strip_b[k_ / 4u][k_ % 4u][single_b${l} / ACROSS_B][(single_b${l} % ACROSS_B) ^ (k_ / 4u % {{TWIST_B}}u)] = b${l}_;
      }
@end
    }
@else
@if PAIRS_B
@for j in 0..PAIRS_B
@if ALONG_K_B
    write_b(k_b${2*j} % DEPTH, select(quad_b${2*j+h}, quad_b${2*j+(h+1)%2}, turned_b), b${2*j+h}_);
@else
    write_b(k_b${2*j} % DEPTH, quad_b${2*j}, b${2*j+h}_);
@end
@end
@else
@if ALONG_K_B
    if ((k_b0 / DEPTH == ${h}u) & (quad_b0 < QUADS_B)) { write_b(k_b0 % DEPTH, quad_b0, b0); }
@else
    if (k_b0 / DEPTH == ${h}u) { write_b(k_b0 % DEPTH, quad_b0, b${h}_); }
@end
@end
@end
@end
    workgroupBarrier();
@if ENDS
    let depth${h} = min(max(k_end, k + ${16*h}u) - k - ${16*h}u, DEPTH);
@else
    let depth${h} = DEPTH;
@end
@if SLICED
    for (var at = slice * 4u; at < depth${h}; at += 4u * {{SLICES}}u) {
@else
    for (var at = 0u; at < depth${h}; at += 4u) {
@end
      let y_at = y_ ^ (at / 4u % {{TWIST_A}}u);
      let x_at = x_ ^ (at / 4u % {{TWIST_B}}u);
@for c in 0..4
      {
@for p in 0..P
        let a_${p} = strip_a[at / 4u][${c}][${p}][y_at];
@end
@for q in 0..Q
        let b_${q} = strip_b[at / 4u][${c}][${q}][x_at];
@end
@for i in 0..HEIGHT
@for q in 0..Q
        sum${i}_${q} += a_${i/4}[${i%4}] * b_${q};
@end
@end
      }
@end
    }
@end
  }
@if KEEPS
@if SIDE_BY_SIDE
  let row_length = {{SIDE_BY_SIDE}}u * params.n;
  let first = (part % params.splits * params.m + m0) * row_length + batch * params.n + n0;
@else
  let row_length = params.n;
  let first = (part * params.m + m0) * params.n + n0;
@end
@end
@if SLICED
  for (var turn = 0u; turn < {{SLICES}}u; turn++) {
    workgroupBarrier();
    if (slice == turn) {
@for i in 0..HEIGHT
@for q in 0..Q
      {
        let at = row_at(y_, ${i}u) * QUADS_B + x_ + ${q}u * ACROSS_B;
        keep(at, select(kept(at), vec4f(), turn == 0u) + sum${i}_${q});
      }
@end
@end
    }
  }
  workgroupBarrier();
  let rows = min({{ROWS}}u, params.m - m0);
@if VECTOR
  let wide = min({{COLUMNS}}u, params.n - n0) / 4u;
  for (var at = thread; at < rows * wide; at += {{WORKGROUP}}u) {
    let place = (first + at / wide * row_length) / 4u + at % wide;
    let value = kept(at / wide * QUADS_B + at % wide);
@else
  let wide = min({{COLUMNS}}u, params.n - n0);
  for (var at = thread; at < rows * wide; at += {{WORKGROUP}}u) {
    let place = first + at / wide * row_length + at % wide;
    let value = kept(at / wide * QUADS_B + at % wide / 4u)[at % wide % 4u];
@end
@if SPLIT
    partial[place] = value;
@else
    store(place, value);
@end
  }
@else
@if REGROUPED
  let wide = min({{COLUMNS}}u, params.n - n0);
@for i in 0..HEIGHT
  workgroupBarrier();
@for q in 0..Q
  keep(y_ * QUADS_B + x_ + ${q}u * ACROSS_B, sum${i}_${q});
@end
  workgroupBarrier();
  for (var at = thread; at < ACROSS_A * wide; at += {{WORKGROUP}}u) {
    let row = row_at(at / wide, ${i}u);
    if (m0 + row < params.m) {
      let place = first + row * row_length + at % wide;
      let value = kept(at / wide * QUADS_B + at % wide % QUADS_B)[at % wide / QUADS_B];
@if SPLIT
      partial[place] = value;
@else
      store(place, value);
@end
    }
  }
@end
@else
@for i in 0..HEIGHT
@for q in 0..Q
  finish(m0 + row_at(y_, ${i}u), n0 + column_at(x_, ${q}u), part, sum${i}_${q});
@end
@end
@end
@end
@end
