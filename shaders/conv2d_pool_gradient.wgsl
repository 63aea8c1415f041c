// Gradients to the kernel and to the bias of a convolution that was fused with 2×2 max pooling: of each window only the
// winning position sent its value on, so only it receives a gradient, and a quarter of the products is left.
// x: [batch, H, W, C], dy: [batch, OH, OW, N] (pooled), winners: a byte a channel; result [KH*KW*C + 1, N], the bias last.
//
// A lane owns OWN output channels, four or two, and all taps; a subgroup shares the window's patch, loaded by lane and broadcast
// (without subgroups every thread loads it). Which pixel a tap meets is chosen by the winner, first along x, then along y.
// Windows are split into chunks: partial[chunk, tap, channel], added by a second kernel.
// grid: x = blocks of LANES * OWN channels, y = chunks. uniforms: windows, chunk, sums = KH*KW*C + 1

const H = {{H}}; const W = {{W}}; const C = {{C}}u; const BLOCKS = {{N}}u / {{OWN}}u;
const OH = {{OH}}u; const OW = {{OW}}u;

// Element t of the patch: its offset from the patch's corner.
struct Offset { y: i32, x: i32, elements: i32 }

fn offset_of(t: u32) -> Offset {
  let y = i32(t / {{ROW}}u);
  let x_ = i32(t % {{ROW}}u / C);
  return Offset(y, x_, (y * W + x_) * i32(C) + i32(t % C));
}

fn pixel(corner: i32, y0: i32, x0: i32, offset: Offset) -> f32 {
  let y = y0 + offset.y;
  let x_ = x0 + offset.x;
  let inside = (y >= 0) & (y < H) & (x_ >= 0) & (x_ < W);
  return select(0.0, x[u32(select(0, corner + offset.elements, inside))], inside);
}

@main
  let lane = local_invocation_index;
  let own = workgroup_id.x * {{LANES}}u + lane;
  // Lanes past the end repeat the last channels: broadcasting needs every lane.
  let q = min(own, BLOCKS - 1u);
@for k in 0..SUMS
  var sum${k} = {{VECTOR}}f();
@end
  // What does not change from window to window is kept out of the loop: not every driver moves it there.
@if SUBGROUPS
@for j in 0..LOADS
  let offset${j} = offset_of(${j*LANES}u + lane);
@end
@else
@for t in 0..PATCH
  let offset${t} = offset_of(${t}u);
@end
@end
  let begin = workgroup_id.y * params.chunk;
  let end = min(begin + params.chunk, params.windows);
  var oy = begin / OW % OH;
  var ox = begin % OW;
  var image = i32(begin / (OH * OW) * u32(H * W) * C);
  for (var window = begin; window < end; window++) {
    let y0 = i32(oy) * 2 - {{PAD_Y}};
    let x0 = i32(ox) * 2 - {{PAD_X}};
    let corner = image + (y0 * W + x0) * i32(C);
    let g = dy[window * BLOCKS + q];
@if PAIRS
    let winner = vec2u(winners[(window * BLOCKS + q) / 2u] >> (q % 2u * 16u)) >> vec2u(0u, 8u);
@else
    let winner = vec4u(winners[window * BLOCKS + q]) >> vec4u(0u, 8u, 16u, 24u);
@end
    let right = (winner & {{VECTOR}}u(1u)) != {{VECTOR}}u();
    let below = (winner & {{VECTOR}}u(2u)) != {{VECTOR}}u();
@if SUBGROUPS
@for j in 0..LOADS
    let mine${j} = pixel(corner, y0, x0, offset${j});
@for l in 0..LANES
    let p${j*LANES+l} = {{VECTOR}}f(subgroupBroadcast(mine${j}, ${l}u));
@end
@end
@else
@for t in 0..PATCH
    let p${t} = {{VECTOR}}f(pixel(corner, y0, x0, offset${t}));
@end
@end
@for kx in 0..KW
@for c in 0..C
    {
@for y in 0..PH
      let row${y} = select(p${y*ROW+kx*C+c}, p${y*ROW+kx*C+C+c}, right);
@end
@for ky in 0..KH
      sum${ky*TAPS+kx*C+c} += g * select(row${ky}, row${ky+1}, below);
@end
    }
@end
@end
    sum${TAPS_ALL} += g;
    // The next window: along the row, then down, then in the next image.
    ox = select(ox + 1u, 0u, ox == OW - 1u);
    let down = ox == 0u;
    oy = select(oy, select(oy + 1u, 0u, oy == OH - 1u), down);
    image = select(image, image + H * W * i32(C), down & (oy == 0u));
  }
  if (own < BLOCKS) {
    // One store in a loop, its value chosen: on the CPU every copy of a store, and an array even more, costs compile time.
    for (var k = 0u; k < params.sums; k++) {
      var sum = sum0;
@for k in 0..SUMS
      sum = select(sum, sum${k}, k == ${k}u);
@end
      partial[(workgroup_id.y * params.sums + k) * BLOCKS + q] = sum;
    }
  }
@end
