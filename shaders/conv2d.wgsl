// Loaders of a convolution for contraction_*.wgsl: y[position, out] = Σ_k patch(position, k) kernel[k, out], with
// position = (image, oy, ox), k = (ky, kx, channel).  x: [batch, H, W, C], w: [KH, KW, C, N], y: [batch, OH, OW, N].
// The patch is never written out (implicit GEMM). With C a multiple of four (VECTOR_K) four channels load at once;
// with BLOCK_B four outputs' weights of one k do.
// Conditions join with & and |, not && and ||: SwiftShader compiles many branches inlined here in exponential time.

const H = {{H}}; const W = {{W}}; const C = {{C}}u;
const OH = {{OH}}u; const OW = {{OW}}u;
const KH = {{KH}}u; const KW = {{KW}}u;

// Start of the image in memory, and the patch's first pixel, which may lie in the padding.
struct Row { image: u32, y: i32, x: i32 }

fn row_of(m: u32, batch: u32) -> Row {
  let oy = m / OW % OH;
  let ox = m % OW;
  return Row(m / (OH * OW) * u32(H * W) * C, i32(oy) * {{STRIDE_Y}} - {{PAD_Y}}, i32(ox) * {{STRIDE_X}} - {{PAD_X}});
}

@if VECTOR_K
fn load_a(row: Row, k: u32) -> vec4f {
  let tap = k / C;
  let y = row.y + i32(tap / KW);
  let x_ = row.x + i32(tap % KW);
  if ((y < 0) | (y >= H) | (x_ < 0) | (x_ >= W)) { return vec4f(); }
  return x[(row.image + u32(y * W + x_) * C + k % C) / 4u];
}
@else
fn pixel(row: Row, k: u32) -> f32 {
  let tap = k / C;
  let y = row.y + i32(tap / KW);
  let x_ = row.x + i32(tap % KW);
  let inside = (y >= 0) & (y < H) & (x_ >= 0) & (x_ < W) & (k < params.k);
  let at = row.image + u32(clamp(y, 0, H - 1) * W + clamp(x_, 0, W - 1)) * C + k % C;
  return select(0.0, x[at], inside);
}

fn load_a(row: Row, k: u32) -> vec4f {
  return vec4f(pixel(row, k), pixel(row, k + 1u), pixel(row, k + 2u), pixel(row, k + 3u));
}
@end

fn column_of(n: u32, batch: u32) -> u32 { return n; }

@if BLOCK_B
fn load_columns(n: u32, k: u32) -> vec4f {
@if VECTOR_K
  return w[(k * params.n + n) / 4u];
@else
  return select(vec4f(), w[(min(k, params.k - 1u) * params.n + n) / 4u], k < params.k);
@end
}
@else
fn load_b(n: u32, k: u32) -> vec4f {
  let at = k * params.n + n;
@if VECTOR_K
  return vec4f(w[at], w[at + params.n], w[at + 2u * params.n], w[at + 3u * params.n]);
@else
  // Beyond k the patch is zero; only a finite weight may meet it.
  let last = (params.k - 1u) * params.n + n;
  let value = vec4f(w[at], w[min(at + params.n, last)], w[min(at + 2u * params.n, last)], w[min(at + 3u * params.n, last)]);
  return select(vec4f(), value, (vec4u(k) + vec4u(0u, 1u, 2u, 3u)) < vec4u(params.k));
@end
}
@end
