// Gradient of max pooling whose windows tile the image exactly (stride = size, no padding, nothing left over): one thread
// a window writes all its pixels, so each value is read once.
// x: [batch, H, W, C], dy: [batch, H / KH, W / KW, C], dx: [batch, H, W, C]. The first maximum in row order, or the first
// NaN, receives the gradient. uniforms: count = windows * channels in units of V

const W = {{W}}u; const C = {{C}}u; // C in units of V
const OH = {{OH}}u; const OW = {{OW}}u;

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  let channel = i % C;
  let window = i / C;
  // Rows of windows follow each other through the images, so no image index is needed.
  let corner = (window / OW * {{KH}}u * W + window % OW * {{KW}}u) * C + channel;
@for t in 0..TAPS
  let at${t} = corner + (${t}u / {{KW}}u * W + ${t}u % {{KW}}u) * C;
  let x${t} = x[at${t}];
@end
  var best = x0;
  var winner = V(0.0);
@for t in 0..TAPS
  let better${t} = ((x${t} > best) | is_nan(x${t})) & !is_nan(best);
  best = select(best, x${t}, better${t});
  winner = select(winner, V(${t}.0), better${t});
@end
  let upstream = dy[i];
@for t in 0..TAPS
  store(at${t}, select(V(0.0), upstream, winner == V(${t}.0)));
@end
@end
