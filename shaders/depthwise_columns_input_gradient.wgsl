// Gradient of a depthwise convolution to its input down the columns of images, for the CPU, where loads are what costs: dx[pixel, c] =
// Σ_tap dy(pixel, tap)[c] w[tap, c], for one result a channel.
// dy: [batch, OH, OW, channels], w: [KH, KW, channels], dx: [batch, H, W, channels].
//
// Counted from the edge of the padding, pixel STRIDE * q + f meets the taps f + STRIDE * j of the outputs q - j. One thread takes `V` of
// channels, COUNT neighbouring q along the row with all their f, and `chunk` rows of q from top to bottom. It keeps so many outputs as
// meet them (JUMPS_Y rows of COLUMNS), of which each new row pushes out the uppermost: each is loaded once. Along the row the last comes
// first. The first q that has a pixel is BEGIN. Threads side by side take channels side by side.
// uniforms: count = threads, strips (of `chunk` rows) an image, chunk

const H = {{H}}; const W = {{W}};
// In units of V.
const CHANNELS = {{CHANNELS}}u;
const OH = {{OH}}; const OW = {{OW}};
const TILES = {{TILES}}u;

// The gradient to an output, which is 0 outside of the row.
fn upstream(row: u32, ox: i32, channel: u32) -> V {
  return select(V(), dy[(row + u32(clamp(ox, 0, OW - 1))) * CHANNELS + channel], (ox >= 0) & (ox < OW));
}

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  let channel = i % CHANNELS;
  let last = i32(i / CHANNELS % TILES * {{COUNT}}u) + {{BEGIN_X}} + {{COUNT}} - 1;
  let strip = i / (CHANNELS * TILES);
  let image = strip / params.strips;
  let first = strip % params.strips * params.chunk;
@for t in 0..TAPS
  let w${t} = w[${t}u * CHANNELS + channel];
@end
@for j in 0..JUMPS_Y
@for c in 0..COLUMNS
  var d${j}_${c} = V();
@end
@end
  for (var r = 0u; r < min(params.chunk, {{ROWS}}u - first) + {{KEPT_Y}}u; r++) {
    let q = i32(first + r) + {{BEGIN_Y}} - {{KEPT_Y}};
    let inside = (q >= 0) & (q < OH);
    let row = (image * u32(OH) + u32(clamp(q, 0, OH - 1))) * u32(OW);
    // Of row j the output q - j.
@for j in 0..JUMPS_Y
@for c in 0..COLUMNS
    let e${j+1}_${c} = d${j}_${c};
@end
@end
@for c in 0..COLUMNS
    let e0_${c} = select(V(), upstream(row, last - ${c}, channel), inside);
@end
@for j in 0..JUMPS_Y
@for c in 0..COLUMNS
    d${j}_${c} = e${j}_${c};
@end
@end
    if (r < {{KEPT_Y}}u) { continue; }
    // Rolled up, because every copy of a long epilogue costs compile time.
    var tile_: array<V, {{RESULTS}}>;
@for y in 0..STRIDE_Y
@for p in 0..COUNT
@for x in 0..STRIDE_X
    {
      var sum = V();
@for j in 0..JUMPS_Y
@if ${y+STRIDE_Y*j} < KH
@for k in 0..JUMPS_X
@if ${x+STRIDE_X*k} < KW
      sum += e${j}_${p+k} * w${(y+STRIDE_Y*j)*KW+x+STRIDE_X*k};
@end
@end
@end
@end
      tile_[${(y*COUNT+p)*STRIDE_X+x}] = sum;
    }
@end
@end
@end
    for (var t = 0u; t < {{RESULTS}}u; t++) {
      let y = q * {{STRIDE_Y}} + i32(t / {{RESULTS_OF_ROW}}u) - {{PAD_Y}};
      let x = (last - i32(t / {{STRIDE_X}}u % {{COUNT}}u)) * {{STRIDE_X}} + i32(t % {{STRIDE_X}}u) - {{PAD_X}};
      if ((y >= 0) & (y < H) & (x >= 0) & (x < W)) {
        store(((image * u32(H) + u32(y)) * u32(W) + u32(x)) * CHANNELS + channel, tile_[t]);
      }
    }
  }
@end
