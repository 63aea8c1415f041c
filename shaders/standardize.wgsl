// The rows of x [rows, columns], each less its mean and divided by its standard deviation; or (GRADIENT) what of g, the
// upstream gradient of that, reaches x. A row's mean is taken off before its squares are added up; what it is off by, which
// far from 0 is much, is found with them. After long_sum.wgsl and row_thread.wgsl or row_lanes.wgsl.
//
// forward:  y_c = (x_c - mean x) / s with s = sqrt(mean (x - mean x)² + epsilon)
// GRADIENT: d_c = (g_c - mean g - y_c mean (g y)) / s
// uniforms: rows, columns, epsilon

@main
  {{ENTER}}
  let columns = f32(params.columns);
  var values = Sum();
  for (var c = lane; c < params.columns; c += LANES) { add_term(&values, c / LANES, value(base + c)); }
  let mean = row_sum(total_of(values), thread, place, reach) / columns;
  var rests = Sum();
  var squares = Sum();
  for (var c = lane; c < params.columns; c += LANES) {
    let off = value(base + c) - mean;
    add_term(&rests, c / LANES, off);
    add_term(&squares, c / LANES, off * off);
  }
  let rest = row_sum(total_of(rests), thread, place, reach) / columns;
  let variance = row_sum(total_of(squares), thread, place, reach) / columns - rest * rest;
  let deviation = sqrt(variance + params.epsilon);
@if GRADIENT
  let begin = row * params.columns;
  var slopes = Sum();
  var products = Sum();
  for (var c = lane; c < params.columns; c += LANES) {
    let slope = g[begin + c];
    add_term(&slopes, c / LANES, slope);
    add_term(&products, c / LANES, slope * (value(base + c) - mean - rest));
  }
  let mean_slope = row_sum(total_of(slopes), thread, place, reach) / columns;
  let pull = row_sum(total_of(products), thread, place, reach) / columns / deviation / deviation;
  if (busy) {
    for (var c = lane; c < params.columns; c += LANES) {
      put(base + c, (g[begin + c] - mean_slope - (value(base + c) - mean - rest) * pull) / deviation);
    }
  }
@else
  if (busy) {
    for (var c = lane; c < params.columns; c += LANES) { put(base + c, (value(base + c) - mean - rest) / deviation); }
  }
@end
  {{LEAVE}}
@end
