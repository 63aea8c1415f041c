// Loaders of a convolution's gradient to its kernel for contraction_*.wgsl: dw[tap, out] = Σ_k x(tap, k) dy[k, out] with
// tap = (ky, kx, channel), k = (image, oy, ox), a sum over every output position of the batch: split over workgroups.
// x: [batch, H, W, CHANNELS], dy: [batch, OH, OW, OUTPUTS], dw: [KH, KW, C, OUTPUTS]. Taps lie STEP_Y, STEP_X pixels apart. With
// GROUPED a product is that of a group of C channels and N outputs.
// With OW a multiple of four (SAME_ROW) four neighbouring positions lie in one row. With BLOCK_A four channels of one
// position load at once, with BLOCK_B four outputs. Conditions join with &: see conv2d.wgsl.

const H = {{H}}; const W = {{W}}; const C = {{C}}u; const CHANNELS = {{CHANNELS}};
const OH = {{OH}}u; const OW = {{OW}}u; const KW = {{KW}}u; const OUTPUTS = {{OUTPUTS}}u;

// The tap's place in the patch, padding taken off, its channel, and where in memory it lies from the patch's first pixel on.
struct Row { offset: i32, y: i32, x: i32, channel: u32 }

fn row_of(m: u32, batch: u32) -> Row {
  let tap = m / C;
  let y = i32(tap / KW) * {{STEP_Y}} - {{PAD_Y}};
  let x = i32(tap % KW) * {{STEP_X}} - {{PAD_X}};
@if GROUPED
  let channel = m % C + batch * C;
@else
  let channel = m % C;
@end
  return Row((y * W + x) * CHANNELS + i32(channel), y, x, channel);
}

// Index of what tap meets at position k, or -1 where it lies in the padding. What depends on k alone serves all rows.
fn place_of(row: Row, k: u32) -> i32 {
  let oy = i32(k / OW % OH) * {{STRIDE_Y}};
  let ox = i32(k % OW) * {{STRIDE_X}};
  let inside = (u32(oy + row.y) < u32(H)) & (u32(ox + row.x) < u32(W));
  return select(-1, row.offset + ((i32(k / (OH * OW)) * H + oy) * W + ox) * CHANNELS, inside);
}

@if BLOCK_A
fn load_rows(row: Row, k: u32) -> vec4f {
@if WHOLE_K
  let at = place_of(row, k);
@else
  let at = select(-1, place_of(row, k), k < params.k);
@end
  return select(vec4f(), x[u32(max(at, 0)) / 4u], at >= 0);
}
@else
@if SAME_ROW
fn load_a(row: Row, k: u32) -> vec4f {
  let ox = i32(k % OW) * {{STRIDE_X}} + row.x;
  let y = i32(k / OW % OH) * {{STRIDE_Y}} + row.y;
  let image = k / (OH * OW) * u32(H * W);
  let columns = vec4i(ox) + vec4i(0, {{STRIDE_X}}, 2 * {{STRIDE_X}}, 3 * {{STRIDE_X}});
  let inside = (columns >= vec4i(0)) & (columns < vec4i(W)) & vec4<bool>((y >= 0) & (y < H));
  let at = (vec4u(image + u32(clamp(y, 0, H - 1) * W)) + vec4u(clamp(columns, vec4i(0), vec4i(W - 1)))) * u32(CHANNELS) + row.channel;
  return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
}
@else
fn pixel(row: Row, k: u32) -> f32 {
  let at = select(-1, place_of(row, k), k < params.k);
  return select(0.0, x[u32(max(at, 0))], at >= 0);
}

fn load_a(row: Row, k: u32) -> vec4f {
  return vec4f(pixel(row, k), pixel(row, k + 1u), pixel(row, k + 2u), pixel(row, k + 3u));
}
@end
@end

@if GROUPED
fn column_of(n: u32, batch: u32) -> u32 { return n + batch * params.n; }
@else
fn column_of(n: u32, batch: u32) -> u32 { return n; }
@end

@if BLOCK_B
fn load_columns(n: u32, k: u32) -> vec4f {
@if WHOLE_K
  return dy[(k * OUTPUTS + n) / 4u];
@else
  return select(vec4f(), dy[(min(k, params.k - 1u) * OUTPUTS + n) / 4u], k < params.k);
@end
}
@else
fn load_b(n: u32, k: u32) -> vec4f {
  let at = k * OUTPUTS + n;
@if SAME_ROW
  return vec4f(dy[at], dy[at + OUTPUTS], dy[at + 2u * OUTPUTS], dy[at + 3u * OUTPUTS]);
@else
  let last = (params.k - 1u) * OUTPUTS + n;
  let value = vec4f(dy[at], dy[min(at + OUTPUTS, last)], dy[min(at + 2u * OUTPUTS, last)], dy[min(at + 3u * OUTPUTS, last)]);
  return select(vec4f(), value, (vec4u(k) + vec4u(0u, 1u, 2u, 3u)) < vec4u(params.k));
@end
}
@end
