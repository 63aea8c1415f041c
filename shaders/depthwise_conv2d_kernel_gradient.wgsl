// Gradient of a depthwise convolution to its kernel: dw[tap, c, m] = Σ_position x(position, tap)[c] dy[position, c, m], a sum over every
// output of the batch.
// x: [batch, H, W, channels], dy: [batch, OH, OW, channels, M], dw: [KH, KW, channels, M]. Taps lie STEP_Y, STEP_X pixels apart.
//
// One thread a row of the kernel and `V` of results, over so many rows of outputs (`chunk`); threads side by side take results side by
// side. It adds up row after row, so that no total grows large before it is added. With SLIDES a pixel is loaded once and
// passed on from tap to tap. With SPLIT, partial[chunk, KH, KW, channels, M] is written and a second kernel adds the chunks.
// After depthwise_pixel.wgsl, which reads x.
// uniforms: count = threads, rows = batch * OH, chunk

const OH = {{OH}}u; const OW = {{OW}};
const KW = {{KW}}u;

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  let output = i % OUTPUTS;
  let ky = i / OUTPUTS % {{KH}}u;
  let part = i / (OUTPUTS * {{KH}}u);
@for k in 0..KW
  var total${k} = V();
@end
  let end = min((part + 1u) * params.chunk, params.rows);
  for (var line = part * params.chunk; line < end; line++) {
    let y = i32(line % OH) * {{STRIDE_Y}} - {{PAD_Y}} + i32(ky) * {{STEP_Y}};
    if ((y < 0) | (y >= H)) { continue; }
    let row = line / OH * u32(H * W) + u32(y * W);
    let outputs = line * u32(OW);
@for k in 0..KW
    var sum${k} = V();
@end
@if SLIDES
@for k in 0..LAST
    var x${k} = pixel(row, ${k} - {{PAD_X}}, output);
@end
@end
    for (var ox = 0; ox < OW; ox++) {
      let upstream = dy[(outputs + u32(ox)) * OUTPUTS + output];
@if SLIDES
      let x{{LAST}} = pixel(row, ox - {{PAD_X}} + {{LAST}}, output);
@for k in 0..KW
      sum${k} += x${k} * upstream;
@end
@for k in 0..LAST
      x${k} = x${k+1};
@end
@else
@for k in 0..KW
      sum${k} += pixel(row, ox * {{STRIDE_X}} - {{PAD_X}} + ${k*STEP_X}, output) * upstream;
@end
@end
    }
@for k in 0..KW
    total${k} += sum${k};
@end
  }
@for k in 0..KW
@if SPLIT
  partial[((part * {{KH}}u + ky) * KW + ${k}u) * OUTPUTS + output] = total${k};
@else
  store((ky * KW + ${k}u) * OUTPUTS + output, total${k});
@end
@end
@end
