// Loaders of a convolution's gradient to its input for contraction_*.wgsl: dx[pixel, channel] = Σ_k dy(pixel, k) w(k, channel)
// with pixel = (image, y, x), k = (ky, kx, out): a pixel takes part in the output that lies ky, kx before it, where the
// stride hits one.  dy: [batch, OH, OW, N], w: [KH, KW, C, N], dx: [batch, H, W, C].
// With N a multiple of four (VECTOR_K) four output channels load at once.
// Conditions join with &: see conv2d.wgsl.

const H = {{H}}; const W = {{W}}; const C = {{C}}u; const N = {{N}}u;
const OH = {{OH}}; const OW = {{OW}};
const KH = {{KH}}u; const KW = {{KW}}u;

// The output that sees the pixel through the first tap, times the stride; with stride 1 where in memory it would lie, else
// where its image does.
struct Row { origin: i32, y: i32, x: i32 }

fn row_of(m: u32, batch: u32) -> Row {
  let image = i32(m / u32(H * W)) * (OH * OW);
  let y = i32(m / u32(W) % u32(H)) + {{PAD_Y}};
  let x = i32(m % u32(W)) + {{PAD_X}};
@if STRIDED
  return Row(image * i32(N), y, x);
@else
  return Row((image + y * OW + x) * i32(N), y, x);
@end
}

// Index of the output channel's element, or -1 where no output saw the pixel through this tap. What depends on k alone serves
// all rows.
fn place_of(row: Row, k: u32) -> i32 {
  let tap = k / N;
  let ky = i32(tap / KW);
  let kx = i32(tap % KW);
  let y = row.y - ky;
  let x = row.x - kx;
@if STRIDED
  let inside = (y >= 0) & (x >= 0) & (y % {{STRIDE_Y}} == 0) & (x % {{STRIDE_X}} == 0)
    & (y < OH * {{STRIDE_Y}}) & (x < OW * {{STRIDE_X}});
  return select(-1, row.origin + ((y / {{STRIDE_Y}}) * OW + x / {{STRIDE_X}}) * i32(N) + i32(k % N), inside);
@else
  let inside = (u32(y) < u32(OH)) & (u32(x) < u32(OW));
  return select(-1, row.origin + (i32(k % N) - (ky * OW + kx) * i32(N)), inside);
@end
}

@if VECTOR_K
fn load_a(row: Row, k: u32) -> vec4f {
  let at = place_of(row, k);
  return select(vec4f(), dy[u32(max(at, 0)) / 4u], at >= 0);
}
@else
fn one(row: Row, k: u32) -> f32 {
  let at = place_of(row, k);
  return select(0.0, dy[u32(max(at, 0))], (at >= 0) & (k < params.k));
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
