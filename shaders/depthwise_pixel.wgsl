// How depthwise convolutions read x: [batch, H, W, channels] beside results [..., OUTPUTS], both in units of V. With MULTIPLIED `x` is
// read by floats, since so many results share a channel.

const H = {{H}}; const W = {{W}};
// In units of V.
const OUTPUTS = {{OUTPUTS}}u;

// The pixel's channel, which is 0 outside of the row.
fn pixel(row: u32, x_: i32, output: u32) -> V {
  let at = row + u32(clamp(x_, 0, W - 1));
@if MULTIPLIED
  return select(V(), V(x[at * {{CHANNELS}}u + output * {{WIDTH}}u / {{MULTIPLIED}}u]), (x_ >= 0) & (x_ < W));
@else
  return select(V(), x[at * OUTPUTS + output], (x_ >= 0) & (x_ < W));
@end
}
