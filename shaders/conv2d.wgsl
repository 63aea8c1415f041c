// Loaders of a convolution for contraction_*.wgsl: y[position, out] = Σ_k patch(position, k) kernel[k, out], with
// position = (image, oy, ox), k = (ky, kx, channel).  x: [batch, H, W, CHANNELS], w: [KH, KW, C, OUTPUTS],
// y: [batch, OH, OW, OUTPUTS]. Taps lie STEP_Y, STEP_X pixels apart. With GROUPED a product is that of a group of C channels and
// N outputs.
// The patch is never written out (implicit GEMM). With C a multiple of four (VECTOR_K) four channels load at once;
// with BLOCK_B four outputs' weights of one k do. With few channels (STAGED_X) a workgroup first reads the pixels under all its
// patches, so many floats, as they lie.
// Conditions join with & and |, not && and ||: SwiftShader compiles many branches inlined here in exponential time.

const H = {{H}}; const W = {{W}}; const C = {{C}}u; const CHANNELS = {{CHANNELS}};
const OH = {{OH}}u; const OW = {{OW}}u; const OUTPUTS = {{OUTPUTS}}u;
const KH = {{KH}}u; const KW = {{KW}}u;

// The patch's first pixel, which may lie in the padding, and where in memory it would lie.
struct Row { origin: i32, y: i32, x: i32 }

fn row_of(m: u32, batch: u32) -> Row {
  let y = i32(m / OW % OH) * {{STRIDE_Y}} - {{PAD_Y}};
  let x = i32(m % OW) * {{STRIDE_X}} - {{PAD_X}};
@if GROUPED
  return Row(((i32(m / (OH * OW)) * H + y) * W + x) * CHANNELS + i32(batch * C), y, x);
@else
  return Row(((i32(m / (OH * OW)) * H + y) * W + x) * CHANNELS, y, x);
@end
}

// Index of the patch's k-th value, or -1 where it lies in the padding. What depends on k alone serves all rows.
fn place_of(row: Row, k: u32) -> i32 {
  let tap = k / C;
  let ky = i32(tap / KW) * {{STEP_Y}};
  let kx = i32(tap % KW) * {{STEP_X}};
  let inside = (u32(row.y + ky) < u32(H)) & (u32(row.x + kx) < u32(W));
  return select(-1, row.origin + ((ky * W + kx) * CHANNELS + i32(k % C)), inside);
}

@if VECTOR_K
fn load_a(row: Row, k: u32) -> vec4f {
  let at = place_of(row, k);
  return select(vec4f(), x[u32(max(at, 0)) / 4u], at >= 0);
}
@else
@if STAGED_X
var<workgroup> staged_x: array<f32, {{STAGED_X}}>;
// Where the run begins in memory: with a line.
var<private> run_begin: i32;

// The pixels of positions m0 to m1, both included. Before it is read a barrier must stand.
fn stage_x(m0: u32, m1: u32, thread: u32, threads: u32) {
  run_begin = max(row_of(m0, 0u).origin, 0) & -32;
  let size = i32(params.m / (OH * OW)) * H * W * i32(C);
  let run_end = min(row_of(m1, 0u).origin + i32(((KH - 1u) * u32(W) + KW) * C), size);
  for (var at = run_begin + i32(thread); at < run_end; at += i32(threads)) {
    staged_x[u32(at - run_begin)] = x[u32(at)];
  }
}
@end

fn pixel(row: Row, k: u32) -> f32 {
  let at = place_of(row, k);
@if STAGED_X
  // Beyond k the place may lie beyond the run.
  let value = staged_x[min(u32(max(at - run_begin, 0)), {{STAGED_X}}u - 1u)];
@else
  let value = x[u32(max(at, 0))];
@end
  return select(0.0, value, (at >= 0) & (k < params.k));
}

fn load_a(row: Row, k: u32) -> vec4f {
  return vec4f(pixel(row, k), pixel(row, k + 1u), pixel(row, k + 2u), pixel(row, k + 3u));
}
@end

@if GROUPED
fn column_of(n: u32, batch: u32) -> u32 { return n + batch * params.n; }
@else
fn column_of(n: u32, batch: u32) -> u32 { return n; }
@end

@if BLOCK_B
fn load_columns(n: u32, k: u32) -> vec4f {
@if VECTOR_K
  return w[(k * OUTPUTS + n) / 4u];
@else
  return select(vec4f(), w[(min(k, params.k - 1u) * OUTPUTS + n) / 4u], k < params.k);
@end
}
@else
fn load_b(n: u32, k: u32) -> vec4f {
  let at = k * OUTPUTS + n;
@if VECTOR_K
  return vec4f(w[at], w[at + OUTPUTS], w[at + 2u * OUTPUTS], w[at + 3u * OUTPUTS]);
@else
  // Beyond k the patch is zero; only a finite weight may meet it.
  let last = (params.k - 1u) * OUTPUTS + n;
  let value = vec4f(w[at], w[min(at + OUTPUTS, last)], w[min(at + 2u * OUTPUTS, last)], w[min(at + 3u * OUTPUTS, last)]);
  return select(vec4f(), value, (vec4u(k) + vec4u(0u, 1u, 2u, 3u)) < vec4u(params.k));
@end
}
@end
