// Depthwise convolution down the columns of images, for the CPU, where loads are what costs: y[position, c, m] = Σ_tap x(position,
// tap)[c] w[tap, c, m].
// x: [batch, H, W, channels], w: [KH, KW, channels, M], y: [batch, OH, OW, channels, M].
//
// One thread COUNT neighbouring positions of a row and `V` of results, over `chunk` rows of an image from top to bottom. It keeps KH rows
// of COLUMNS pixels, of which each new row pushes out the uppermost: a pixel is loaded once for all rows of the kernel. Threads side by
// side take results side by side. After depthwise_pixel.wgsl, which reads x.
// uniforms: count = threads, strips (of `chunk` rows) an image, chunk

const OH = {{OH}}u; const OW = {{OW}}u;
const TILES = {{TILES}}u;

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  let output = i % OUTPUTS;
  let ox = i / OUTPUTS % TILES * {{COUNT}}u;
  let strip = i / (OUTPUTS * TILES);
  let image = strip / params.strips;
  let first = strip % params.strips * params.chunk;
  let left = i32(ox) * {{STRIDE_X}} - {{PAD_X}};
@for t in 0..TAPS
  let w${t} = w[${t}u * OUTPUTS + output];
@end
@for r in 0..KH
@for c in 0..COLUMNS
  var x${r}_${c} = V();
@end
@end
  let rows = min(params.chunk, OH - first);
  for (var r = 0u; r < (rows - 1u) * {{STRIDE_Y}}u + {{KH}}u; r++) {
    let y = i32(first * {{STRIDE_Y}}u + r) - {{PAD_Y}};
    let inside = (y >= 0) & (y < H);
    let row = image * u32(H * W) + u32(clamp(y, 0, H - 1) * W);
@for r in 0..LAST_Y
@for c in 0..COLUMNS
    x${r}_${c} = x${r+1}_${c};
@end
@end
@for c in 0..COLUMNS
    x{{LAST_Y}}_${c} = select(V(), pixel(row, left + ${c}, output), inside);
@end
    let done = i32(r) - {{LAST_Y}};
@if STRIDED
    if ((done < 0) | (done % {{STRIDE_Y}} != 0)) { continue; }
@else
    if (done < 0) { continue; }
@end
    // Rolled up, because every copy of a long epilogue costs compile time.
    var tile_: array<V, {{COUNT}}>;
@for p in 0..COUNT
    {
      var sum = V();
@for r in 0..KH
@for k in 0..KW
      sum += x${r}_${p*STRIDE_X+k} * w${r*KW+k};
@end
@end
      tile_[${p}] = sum;
    }
@end
    let line = image * OH + first + u32(done) / {{STRIDE_Y}}u;
    for (var p = 0u; p < min({{COUNT}}u, OW - ox); p++) { store((line * OW + ox + p) * OUTPUTS + output, tile_[p]); }
  }
@end
