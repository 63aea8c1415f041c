// Loaders of a convolution's gradient to its kernel for contraction_*.wgsl: dw[tap, out] = Σ_k x(tap, k) dy[k, out] with
// tap = (ky, kx, channel), k = (image, oy, ox), a sum over every output position of the batch: split over workgroups.
// x: [batch, H, W, C], dy: [batch, OH, OW, N], dw: [KH, KW, C, N].
// With OW a multiple of four (SAME_ROW) four neighbouring positions lie in one row. With BLOCK_A four channels of one
// position load at once, with BLOCK_B four outputs. Conditions join with &: see conv2d.wgsl.

const H = {{H}}; const W = {{W}}; const C = {{C}}u;
const OH = {{OH}}u; const OW = {{OW}}u; const KW = {{KW}}u;

// The tap's place in the patch, padding taken off, and its channel.
struct Row { y: i32, x: i32, channel: u32 }

fn row_of(m: u32, batch: u32) -> Row {
  let tap = m / C;
  return Row(i32(tap / KW) - {{PAD_Y}}, i32(tap % KW) - {{PAD_X}}, m % C);
}

@if BLOCK_A
fn load_rows(row: Row, k: u32) -> vec4f {
  let known = min(k, params.k - 1u);
  let y = i32(known / OW % OH) * {{STRIDE_Y}} + row.y;
  let x_ = i32(known % OW) * {{STRIDE_X}} + row.x;
  let inside = (y >= 0) & (y < H) & (x_ >= 0) & (x_ < W) & (k < params.k);
  let at = known / (OH * OW) * u32(H * W) + u32(clamp(y, 0, H - 1) * W + clamp(x_, 0, W - 1));
  return select(vec4f(), x[(at * C + row.channel) / 4u], inside);
}
@else
@if SAME_ROW
fn load_a(row: Row, k: u32) -> vec4f {
  let ox = i32(k % OW) * {{STRIDE_X}} + row.x;
  let y = i32(k / OW % OH) * {{STRIDE_Y}} + row.y;
  let image = k / (OH * OW) * u32(H * W);
  let columns = vec4i(ox) + vec4i(0, {{STRIDE_X}}, 2 * {{STRIDE_X}}, 3 * {{STRIDE_X}});
  let inside = (columns >= vec4i(0)) & (columns < vec4i(W)) & vec4<bool>((y >= 0) & (y < H));
  let at = (vec4u(image + u32(clamp(y, 0, H - 1) * W)) + vec4u(clamp(columns, vec4i(0), vec4i(W - 1)))) * C + row.channel;
  return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
}
@else
fn pixel(row: Row, k: u32) -> f32 {
  let y = i32(k / OW % OH) * {{STRIDE_Y}} + row.y;
  let x_ = i32(k % OW) * {{STRIDE_X}} + row.x;
  let inside = (y >= 0) & (y < H) & (x_ >= 0) & (x_ < W) & (k < params.k);
  let image = min(k, params.k - 1u) / (OH * OW) * u32(H * W);
  return select(0.0, x[(image + u32(clamp(y, 0, H - 1) * W + clamp(x_, 0, W - 1))) * C + row.channel], inside);
}

fn load_a(row: Row, k: u32) -> vec4f {
  return vec4f(pixel(row, k), pixel(row, k + 1u), pixel(row, k + 2u), pixel(row, k + 3u));
}
@end
@end

fn column_of(n: u32, batch: u32) -> u32 { return n; }

@if BLOCK_B
fn load_columns(n: u32, k: u32) -> vec4f {
  return select(vec4f(), dy[(min(k, params.k - 1u) * params.n + n) / 4u], k < params.k);
}
@else
fn load_b(n: u32, k: u32) -> vec4f {
  let at = k * params.n + n;
@if SAME_ROW
  return vec4f(dy[at], dy[at + params.n], dy[at + 2u * params.n], dy[at + 3u * params.n]);
@else
  let last = (params.k - 1u) * params.n + n;
  let value = vec4f(dy[at], dy[min(at + params.n, last)], dy[min(at + 2u * params.n, last)], dy[min(at + 3u * params.n, last)]);
  return select(vec4f(), value, (vec4u(k) + vec4u(0u, 1u, 2u, 3u)) < vec4u(params.k));
@end
}
@end
