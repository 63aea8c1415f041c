// Loaders of a convolution's gradient to its input for contraction_*.wgsl: dx[pixel, channel] = Σ_k dy(pixel, k) w(k, channel)
// with pixel = (image, y, x), k = (ky, kx, out): a pixel takes part in the output that lies ky, kx before it, where the
// stride hits one.  dy: [batch, OH, OW, OUTPUTS], w: [KH, KW, C, OUTPUTS], dx: [batch, H, W, channels]. Taps lie STEP_Y, STEP_X pixels
// apart. With GROUPED a product is that of a group of C channels and N outputs.
// With N a multiple of four (VECTOR_K) four output channels load at once.
// Conditions join with &: see conv2d.wgsl.

const H = {{H}}; const W = {{W}}; const C = {{C}}u; const N = {{N}}u;
const OH = {{OH}}; const OW = {{OW}}; const OUTPUTS = {{OUTPUTS}};
const KH = {{KH}}u; const KW = {{KW}}u;

// The output that sees the pixel through the first tap, times the stride; with stride 1 where in memory it would lie, else
// where its image does.
struct Row { origin: i32, y: i32, x: i32 }

fn row_of(m: u32, batch: u32) -> Row {
  let image = i32(m / u32(H * W)) * (OH * OW);
  let y = i32(m / u32(W) % u32(H)) + {{PAD_Y}};
  let x = i32(m % u32(W)) + {{PAD_X}};
@if STRIDED
  let origin = image * OUTPUTS;
@else
  let origin = (image + y * OW + x) * OUTPUTS;
@end
@if GROUPED
  return Row(origin + i32(batch * N), y, x);
@else
  return Row(origin, y, x);
@end
}

// Index of the output channel's element, or -1 where no output saw the pixel through this tap. What depends on k alone serves
// all rows.
fn place_of(row: Row, k: u32) -> i32 {
  let tap = k / N;
  let ky = i32(tap / KW) * {{STEP_Y}};
  let kx = i32(tap % KW) * {{STEP_X}};
  let y = row.y - ky;
  let x = row.x - kx;
@if STRIDED
  let inside = (y >= 0) & (x >= 0) & (y % {{STRIDE_Y}} == 0) & (x % {{STRIDE_X}} == 0)
    & (y < OH * {{STRIDE_Y}}) & (x < OW * {{STRIDE_X}});
  return select(-1, row.origin + ((y / {{STRIDE_Y}}) * OW + x / {{STRIDE_X}}) * OUTPUTS + i32(k % N), inside);
@else
  let inside = (u32(y) < u32(OH)) & (u32(x) < u32(OW));
  return select(-1, row.origin + (i32(k % N) - (ky * OW + kx) * OUTPUTS), inside);
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

// Where the channel's weights of the first tap lie.
@if GROUPED
fn column_of(n: u32, batch: u32) -> u32 { return n * u32(OUTPUTS) + batch * N; }
@else
fn column_of(n: u32, batch: u32) -> u32 { return n * N; }
@end

fn weight_at(column: u32, k: u32) -> u32 { return (k / N) * C * u32(OUTPUTS) + column + k % N; }

@if VECTOR_K
fn load_b(column: u32, k: u32) -> vec4f { return w[weight_at(column, k) / 4u]; }
@else
fn weight(column: u32, k: u32) -> f32 {
  return select(0.0, w[weight_at(column, min(k, params.k - 1u))], k < params.k);
}

fn load_b(column: u32, k: u32) -> vec4f {
  return vec4f(weight(column, k), weight(column, k + 1u), weight(column, k + 2u), weight(column, k + 3u));
}
@end
