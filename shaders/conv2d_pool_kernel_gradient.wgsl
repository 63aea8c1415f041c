// Gradient to the kernel of a convolution that was fused with 2×2 max pooling: of each window only the winning position
// sent its value on, so only it receives a gradient.
// x: [batch, H, W, C], dy: [batch, OH, OW, N] (pooled), winners: a byte a channel, dw: [KH, KW, C, N].
//
// A lane owns one output channel and all KH*KW*C taps; a subgroup shares the window's patch, loaded by lane and broadcast
// (without subgroups every thread loads it). Windows are split into chunks: partial[chunk, tap, channel], added by a second
// kernel. grid: x = blocks of LANES channels, y = chunks. uniforms: windows, chunk

const H = {{H}}; const W = {{W}}; const C = {{C}}u; const N = {{N}}u;
const OH = {{OH}}u; const OW = {{OW}}u;

// Element t of the patch whose corner is (y0, x0).
fn pixel(image: u32, y0: i32, x0: i32, t: u32) -> f32 {
  let y = y0 + i32(t / {{ROW}}u);
  let x_ = x0 + i32(t % {{ROW}}u / C);
  let at = (image + u32(clamp(y, 0, H - 1) * W + clamp(x_, 0, W - 1))) * C + t % C;
  return select(0.0, x[at], (y >= 0) & (y < H) & (x_ >= 0) & (x_ < W));
}

@compute @workgroup_size({{LANES}})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.x * {{LANES}}u + lane;
@for k in 0..TAPS_ALL
  var sum${k} = 0.0;
@end
  let begin = group.y * params.chunk;
  let end = min(begin + params.chunk, params.windows);
  for (var window = begin; window < end; window++) {
    let y0 = i32(window / OW % OH) * 2 - {{PAD_Y}};
    let x0 = i32(window % OW) * 2 - {{PAD_X}};
    let image = window / (OH * OW) * u32(H * W);
    let g = dy[window * N + n];
    let winner = (winners[(window * N + n) / 4u] >> ((n % 4u) * 8u)) & 3u;
    let g0 = select(0.0, g, winner == 0u);
    let g1 = select(0.0, g, winner == 1u);
    let g2 = select(0.0, g, winner == 2u);
    let g3 = select(0.0, g, winner == 3u);
@if SUBGROUPS
@for j in 0..LOADS
    let mine${j} = pixel(image, y0, x0, ${j*LANES}u + lane);
@for l in 0..LANES
    let p${j*LANES+l} = subgroupBroadcast(mine${j}, ${l}u);
@end
@end
@else
@for t in 0..PATCH
    let p${t} = pixel(image, y0, x0, ${t}u);
@end
@end
@for ky in 0..KH
@for kx in 0..KW
@for c in 0..C
    sum${ky*TAPS+kx*C+c} += p${ky*ROW+kx*C+c} * g0 + p${ky*ROW+kx*C+C+c} * g1 + p${ky*ROW+ROW+kx*C+c} * g2 + p${ky*ROW+ROW+kx*C+C+c} * g3;
@end
@end
@end
  }
@for k in 0..TAPS_ALL
  partial[(group.y * {{TAPS_ALL}}u + ${k}u) * N + n] = sum${k};
@end
}
