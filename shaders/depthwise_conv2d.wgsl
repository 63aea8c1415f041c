// Depthwise convolution: y[position, c, m] = Σ_tap x(position, tap)[c] w[tap, c, m].
// x: [batch, H, W, channels], w: [KH, KW, channels, M], y: [batch, OH, OW, channels, M]. Taps lie STEP_Y, STEP_X pixels apart.
//
// One thread COUNT neighbouring positions of a row and `V` of results, four neighbours where they allow it: a row of the kernel
// meets COLUMNS pixels, each loaded once. Threads side by side take results side by side. After long_sum.wgsl and
// depthwise_pixel.wgsl, which reads x.
// uniforms: count = threads

const OH = {{OH}}u; const OW = {{OW}}u;
const TILES = {{TILES}}u;

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  let output = i % OUTPUTS;
  let tile = i / OUTPUTS % TILES;
  let line = i / (OUTPUTS * TILES);
  let ox = tile * {{COUNT}}u;
  let top = i32(line % OH) * {{STRIDE_Y}} - {{PAD_Y}};
  let left = i32(ox) * {{STRIDE_X}} - {{PAD_X}};
  let image = line / OH * u32(H * W);
@for p in 0..COUNT
  var sum${p} = Sum();
@end
  var at = 0u;
  for (var ky = 0u; ky < {{KH}}u; ky++) {
    let y = top + i32(ky) * {{STEP_Y}};
    if ((y < 0) | (y >= H)) { continue; }
    let row = image + u32(y * W);
    let taps = ky * {{KW}}u * OUTPUTS + output;
@for c in 0..COLUMNS
    let x${c} = pixel(row, left + ${c*STEP_X}, output);
@end
@for k in 0..KW
    {
      let weight = w[taps + ${k}u * OUTPUTS];
@for p in 0..COUNT
      add_term(&sum${p}, at, x${p*STRIDE_X+k} * weight);
@end
      at++;
    }
@end
  }
  // Rolled up, because every copy of a long epilogue costs compile time.
  var tile_: array<V, {{COUNT}}>;
@for p in 0..COUNT
  tile_[${p}] = total_of(sum${p});
@end
  for (var p = 0u; p < min({{COUNT}}u, OW - ox); p++) { store((line * OW + ox + p) * OUTPUTS + output, tile_[p]); }
@end
