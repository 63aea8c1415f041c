// Gradient of a depthwise convolution to its input: dx[pixel, c] = Σ_m Σ_tap dy(pixel, tap)[c, m] w[tap, c, m]. A pixel takes part
// in the output that lies a tap before it, where the stride hits one.
// dy: [batch, OH, OW, channels, M], w: [KH, KW, channels, M], dx: [batch, H, W, channels]. Taps lie STEP_Y, STEP_X pixels apart.
//
// One thread COUNT neighbouring pixels of a row and `V` of channels: four neighbours where M is 1 and they allow it. With
// stride 1 a row of the kernel meets COLUMNS outputs, each loaded once, the last tap's first. After long_sum.wgsl.
// uniforms: count = threads

const H = {{H}}u; const W = {{W}}u;
// In units of V.
const CHANNELS = {{CHANNELS}}u;
const OH = {{OH}}; const OW = {{OW}};
const M = {{M}}u;
const TILES = {{TILES}}u;

// The gradient to an output, which is 0 outside of the row.
fn upstream(row: u32, ox: i32, output: u32) -> V {
  let at = (row + u32(clamp(ox, 0, OW - 1))) * CHANNELS * M + output;
  return select(V(), dy[at], (ox >= 0) & (ox < OW));
}

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  let channel = i % CHANNELS;
  let tile = i / CHANNELS % TILES;
  let line = i / (CHANNELS * TILES);
  let x = tile * {{COUNT}}u;
  let y0 = i32(line % H) + {{PAD_Y}};
  let x0 = i32(x) + {{PAD_X}};
  let image = line / H * u32(OH * OW);
@for p in 0..COUNT
  var sum${p} = Sum();
@end
  var at = 0u;
  for (var m = 0u; m < M; m++) {
    let output = channel * M + m;
    for (var ky = 0u; ky < {{KH}}u; ky++) {
      let y = y0 - i32(ky) * {{STEP_Y}};
      if ((y < 0) | (y >= OH * {{STRIDE_Y}})) { continue; }
@if STRIDED
      if (y % {{STRIDE_Y}} != 0) { continue; }
@end
      let row = image + u32(y / {{STRIDE_Y}} * OW);
      let taps = ky * {{KW}}u * CHANNELS * M + output;
@if STRIDED
@for k in 0..KW
      {
        let ox = x0 - ${k*STEP_X};
        let hit = (ox >= 0) & (ox % {{STRIDE_X}} == 0);
        let value = select(V(), upstream(row, ox / {{STRIDE_X}}, output), hit);
        add_term(&sum0, at, value * w[taps + ${k}u * CHANNELS * M]);
        at++;
      }
@end
@else
@for c in 0..COLUMNS
      let dy${c} = upstream(row, x0 - ${LAST*STEP_X} + ${c*STEP_X}, output);
@end
@for k in 0..KW
      {
        let weight = w[taps + ({{LAST}}u - ${k}u) * CHANNELS * M];
@for p in 0..COUNT
        add_term(&sum${p}, at, dy${p+k} * weight);
@end
        at++;
      }
@end
@end
    }
  }
  // Rolled up, because every copy of a long epilogue costs compile time.
  var tile_: array<V, {{COUNT}}>;
@for p in 0..COUNT
  tile_[${p}] = total_of(sum${p});
@end
  for (var p = 0u; p < min({{COUNT}}u, W - x); p++) { store((line * W + x + p) * CHANNELS + channel, tile_[p]); }
@end
