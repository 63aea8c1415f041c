// Maximum or mean over the pixels of a window. x: [batch, H, W, C], y: [batch, OH, OW, C].
// One thread an output pixel and `V` of channels (four neighbours where C allows). Padding takes no part: the mean divides
// by the pixels that are there, the maximum ignores the rest. A NaN in the window is the maximum. After long_sum.wgsl.
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
  let y_begin = max(y0, 0);
  let x_begin = max(x0, 0);
  let y_end = min(y0 + {{KH}}, H);
  let x_end = min(x0 + {{KW}}, W);
@if MAX
  var result = x[(image + u32(y_begin * W + x_begin)) * C + channel];
@else
  var sum = Sum();
  var at = 0u;
@end
  for (var y = y_begin; y < y_end; y++) {
    for (var c = x_begin; c < x_end; c++) {
      let value = x[(image + u32(y * W + c)) * C + channel];
@if MAX
      result = maximum(result, value);
@else
      add_term(&sum, at, value);
      at++;
@end
    }
  }
@if MAX
  store(i, result);
@else
  store(i, total_of(sum) / V(f32((y_end - y_begin) * (x_end - x_begin))));
@end
@end
