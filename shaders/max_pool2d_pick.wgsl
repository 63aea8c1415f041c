// The transpose of max pooling's gradient: y[window] = g at the pixel that holds the window's first maximum in x.
// x, g: [batch, H, W, C], y: [batch, OH, OW, C]. One thread an output and `V` of channels.
// uniforms: count = outputs in units of V

const H = {{H}}; const W = {{W}}; const C = {{C}}u; // C in units of V
const OH = {{OH}}u; const OW = {{OW}}u;

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  let channel = i % C;
  let pixel = i / C;
  let y0 = i32(pixel / OW % OH) * {{STRIDE_Y}} - {{PAD_Y}};
  let x0 = i32(pixel % OW) * {{STRIDE_X}} - {{PAD_X}};
  let image = pixel / (OH * OW) * u32(H * W);
  var best = x[(image + u32(max(y0, 0) * W + max(x0, 0))) * C + channel];
  var result = g[(image + u32(max(y0, 0) * W + max(x0, 0))) * C + channel];
  for (var y = max(y0, 0); y < min(y0 + {{KH}}, H); y++) {
    for (var c = max(x0, 0); c < min(x0 + {{KW}}, W); c++) {
      let at = (image + u32(y * W + c)) * C + channel;
      let better = ((x[at] > best) | is_nan(x[at])) & !is_nan(best);
      best = select(best, x[at], better);
      result = select(result, g[at], better);
    }
  }
  store(i, result);
@end
