// Loaders of a convolution's gradient to its input for contraction_*.wgsl: dx[pixel, channel] = Σ_k dy(pixel, k) w(k, channel)
// with pixel = (image, y, x), k = (ky, kx, out): a pixel takes part in the output that lies ky, kx before it, where the
// stride hits one.  dy: [batch, OH, OW, N], w: [KH, KW, C, N], dx: [batch, H, W, C].
// With N a multiple of four (VECTOR_K) four output channels load at once. Conditions join with &: see conv2d.wgsl.

const H = {{H}}; const W = {{W}}; const C = {{C}}u; const N = {{N}}u;
const OH = {{OH}}; const OW = {{OW}};
const KH = {{KH}}u; const KW = {{KW}}u;

struct Row { image: u32, y: i32, x: i32 }

fn row_of(m: u32, batch: u32) -> Row {
  let y = m / u32(W) % u32(H);
  let x = m % u32(W);
  return Row(m / u32(H * W) * u32(OH * OW) * N, i32(y) + {{PAD_Y}}, i32(x) + {{PAD_X}});
}

// Index of the output channel's element, or -1 where no output saw the pixel through this tap.
fn output_of(row: Row, k: u32) -> i32 {
  let tap = k / N;
  let y = row.y - i32(tap / KW);
  let x = row.x - i32(tap % KW);
  let inside = (y >= 0) & (x >= 0) & (y % {{STRIDE_Y}} == 0) & (x % {{STRIDE_X}} == 0)
    & (y < OH * {{STRIDE_Y}}) & (x < OW * {{STRIDE_X}}) & (k < params.k);
  return select(-1, i32(row.image + u32((y / {{STRIDE_Y}}) * OW + x / {{STRIDE_X}}) * N + k % N), inside);
}

@if VECTOR_K
fn load_a(row: Row, k: u32) -> vec4f {
  let at = output_of(row, k);
  if (at < 0) { return vec4f(); }
  return dy[u32(at) / 4u];
}
@else
fn one(row: Row, k: u32) -> f32 {
  let at = output_of(row, k);
  return select(0.0, dy[u32(max(at, 0))], at >= 0);
}

fn load_a(row: Row, k: u32) -> vec4f {
  return vec4f(one(row, k), one(row, k + 1u), one(row, k + 2u), one(row, k + 3u));
}
@end

fn column_of(n: u32, batch: u32) -> u32 { return n; }

@if VECTOR_K
fn load_b(n: u32, k: u32) -> vec4f { return w[(((k / N) * C + n) * N + k % N) / 4u]; }
@else
fn weight(n: u32, k: u32) -> f32 {
  let known = min(k, params.k - 1u);
  return select(0.0, w[((known / N) * C + n) * N + known % N], k < params.k);
}

fn load_b(n: u32, k: u32) -> vec4f {
  return vec4f(weight(n, k), weight(n, k + 1u), weight(n, k + 2u), weight(n, k + 3u));
}
@end
