// Gradient of a depthwise convolution to its kernel down the columns of images, for the CPU, where loads are what costs:
// dw[tap, c, m] = Σ_position x(position, tap)[c] dy[position, c, m], a sum over every output of the batch.
// x: [batch, H, W, channels], dy: [batch, OH, OW, channels, M], dw: [KH, KW, channels, M].
//
// One thread all taps and `V` of results, over COUNT neighbouring columns of outputs and so many strips of `chunk` rows of an image
// (`share`), from top to bottom. It keeps KH rows of COLUMNS pixels, of which each new row pushes out the uppermost: a pixel is loaded
// once for all taps. It adds up row after row and strip after strip, so that no total grows large before it is added. Threads side by
// side take results side by side. partial[part, KH, KW, channels, M], a part for each tile of columns and share of strips; a second
// kernel adds them. After depthwise_pixel.wgsl, which reads x.
// uniforms: count = threads, strips (an image), all (strips of the batch), chunk, share

const OH = {{OH}}u; const OW = {{OW}}u;
const TILES = {{TILES}}u;

// The gradient to an output, which is 0 outside of the row.
fn upstream(line: u32, ox: u32, output: u32) -> V {
  return select(V(), dy[(line * OW + min(ox, OW - 1u)) * OUTPUTS + output], ox < OW);
}

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  let output = i % OUTPUTS;
  let part = i / OUTPUTS;
  let ox = part % TILES * {{COUNT}}u;
  let left = i32(ox) * {{STRIDE_X}} - {{PAD_X}};
@for t in 0..TAPS
  var total${t} = V();
@end
@for r in 0..KH
@for c in 0..COLUMNS
  var x${r}_${c} = V();
@end
@end
  let begin = part / TILES * params.share;
  for (var strip = begin; strip < min(begin + params.share, params.all); strip++) {
    let image = strip / params.strips;
    let first = strip % params.strips * params.chunk;
    let rows = min(params.chunk, OH - first);
@for t in 0..TAPS
    var sum${t} = V();
@end
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
      let line = image * OH + first + u32(done) / {{STRIDE_Y}}u;
@for r in 0..KH
      let meets${r} = (y - {{LAST_Y}} + ${r} >= 0) & (y - {{LAST_Y}} + ${r} < H);
@end
@for p in 0..COUNT
      let dy${p} = upstream(line, ox + ${p}u, output);
@end
      // Beside the images both factors are zero, so that no NaN gets through.
@for r in 0..KH
@for k in 0..KW
      {
        var product = V();
@for p in 0..COUNT
@if RAGGED
        product += select(V(), x${r}_${p*STRIDE_X+k} * dy${p}, ox + ${p}u < OW);
@else
        product += x${r}_${p*STRIDE_X+k} * dy${p};
@end
@end
        sum${r*KW+k} += select(V(), product, meets${r});
      }
@end
@end
    }
@for t in 0..TAPS
    total${t} += sum${t};
@end
  }
@for t in 0..TAPS
  partial[(part * {{TAPS}}u + ${t}u) * OUTPUTS + output] = total${t};
@end
@end
