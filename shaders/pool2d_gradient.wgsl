// Gradient of pooling to its input: each pixel gathers from the windows that hold it, so nothing is added by two threads.
// x: [batch, H, W, C] (for the maximum), dy: [batch, OH, OW, C], dx: [batch, H, W, C].
//
// One thread a pixel and `V` of channels. Of a maximum, the first pixel in row order that holds it receives the gradient;
// it is found again from x instead of being stored. A NaN counts as the maximum. After long_sum.wgsl.
// uniforms: count = pixels * channels in units of V

const H = {{H}}; const W = {{W}}; const C = {{C}}u; // C in units of V
const OH = {{OH}}; const OW = {{OW}};

@if MAX
// 1 where the pixel (py, px) is the window's first maximum, else 0.
fn wins(image: u32, channel: u32, y0: i32, x0: i32, py: i32, px: i32) -> V {
  let mine = x[(image + u32(py * W + px)) * C + channel];
  var first = V(1.0);
  for (var y = max(y0, 0); y < min(y0 + {{KH}}, H); y++) {
    for (var c = max(x0, 0); c < min(x0 + {{KW}}, W); c++) {
      let other = x[(image + u32(y * W + c)) * C + channel];
      let before = y < py || (y == py && c < px);
      let beats = ((other > mine) & !is_nan(mine)) | (is_nan(other) & !is_nan(mine));
      let ties = ((other == mine) | (is_nan(other) & is_nan(mine))) & B(before);
      first = select(first, V(0.0), beats | ties);
    }
  }
  return first;
}
@end

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  let channel = i % C;
  let pixel = i / C;
  let py = i32(pixel / u32(W)) % H;
  let px = i32(pixel % u32(W));
  let image = pixel / u32(H * W) * u32(H * W);
  let outputs = pixel / u32(H * W) * u32(OH * OW);
  // Windows oy with oy * stride - pad <= py < oy * stride - pad + size.
  let y_last = min((py + {{PAD_Y}}) / {{STRIDE_Y}}, OH - 1);
  let x_last = min((px + {{PAD_X}}) / {{STRIDE_X}}, OW - 1);
  let y_first = (max(py + {{PAD_Y}} - {{KH}} + {{STRIDE_Y}}, 0)) / {{STRIDE_Y}};
  let x_first = (max(px + {{PAD_X}} - {{KW}} + {{STRIDE_X}}, 0)) / {{STRIDE_X}};
  var sum = Sum();
  var at = 0u;
  for (var oy = y_first; oy <= y_last; oy++) {
    for (var ox = x_first; ox <= x_last; ox++) {
      let y0 = oy * {{STRIDE_Y}} - {{PAD_Y}};
      let x0 = ox * {{STRIDE_X}} - {{PAD_X}};
      let upstream = dy[(outputs + u32(oy * OW + ox)) * C + channel];
@if MAX
      let share = wins(image, channel, y0, x0, py, px);
      add_term(&sum, at, select(V(0.0), upstream, share > V(0.0)));
@else
      let pixels = (min(y0 + {{KH}}, H) - max(y0, 0)) * (min(x0 + {{KW}}, W) - max(x0, 0));
      add_term(&sum, at, upstream / V(f32(pixels)));
@end
      at++;
    }
  }
  store(i, total_of(sum));
@end
