// 2×2 max pooling that also keeps which position of each window won: y[window] = max, and in `winners` a byte a channel, 0
// to 3 in row order, the first maximum or the first NaN. The way back needs no more than that.
// x: [batch, 2 OH, 2 OW, N], y: [batch, OH, OW, N], N a multiple of four. One thread a vec4f of an output.
// uniforms: count = outputs in vec4s

const OW = {{OW}}u; const QUADS = {{QUADS}}u; // channels / 4

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  let window = i / QUADS;
  // Rows of windows follow each other through the images, so no image index is needed.
  let corner = (window / OW * 4u * OW + window % OW * 2u) * QUADS + i % QUADS;
  var best = x[corner];
  var winner = vec4u();
@for s in 0..3
  let x${s+1} = x[corner + (${(s+1)/2}u * 2u * OW + ${(s+1)%2}u) * QUADS];
  let better${s+1} = ((x${s+1} > best) | is_nan(x${s+1})) & !is_nan(best);
  best = select(best, x${s+1}, better${s+1});
  winner = select(winner, vec4u(${s+1}u), better${s+1});
@end
  winners[i] = dot(winner, vec4u(0x1u, 0x100u, 0x10000u, 0x1000000u));
  store(i, best);
@end
