// Sends pooled gradients back to the winning positions of 2×2 windows: dx[window, position] = dy where it won, else 0.
// dy: [batch, OH, OW, N], winners: a byte a channel, dx: [batch, 2 OH, 2 OW, N]. One thread a vec4f of a pixel.
// uniforms: count = pixels * channels / 4

const OW = {{OW}}u; const QUADS = {{QUADS}}u; // channels / 4

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  let pixel = i / QUADS;
  let row = pixel / (2u * OW);
  let column = pixel % (2u * OW);
  let source = (row / 2u * OW + column / 2u) * QUADS + i % QUADS;
  let winner = (vec4u(winners[source]) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(3u);
  store(i, select(vec4f(), dy[source], winner == vec4u(row % 2u * 2u + column % 2u)));
@end
