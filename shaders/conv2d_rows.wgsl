// A convolution along rows of pixels, for 3 taps a row, stride 1, results as large as the images, and rows of 8, 16 or 32 pixels:
// y[image, y, x, n] = Σ pixels[image, y + ky - above, x + kx - 1, k] w(ky, kx, k, n).
// pixels: [batch, H, W, K], K a multiple of 4, y: [batch, H, W, N], N a multiple of 16; w: [KH, 3, K, N].
//
// A subgroup of 8 lanes takes 32 neighbouring positions, whole rows, and 16 results of each. A lane owns four positions 8 apart (the components
// of a vec4f). It loads each of their pixels once for three taps: what lies beside it is another lane's, and comes by a shuffle.
// Weights, a uniform buffer, are loaded by lane and broadcast. Loads are what costs on the CPU. A sum takes 12 products at once, since
// not all fit the registers. A workgroup is a subgroup. Shapes are uniforms: layers with as many weights share a text.
// grid: x, y fold [tile of positions, block of 16 results], the last fastest. uniforms: work (workgroups), blocks, taps_y, above (rows
// of padding), height, width, positions = batch * H * W, quads_k = K / 4, quads_n = N / 4

fn rotated_right(v: vec4f, lane: u32) -> vec4f {
  let from_ = (lane + 7u) % 8u;
  return vec4f(subgroupShuffle(v.x, from_), subgroupShuffle(v.y, from_), subgroupShuffle(v.z, from_), subgroupShuffle(v.w, from_));
}
fn rotated_left(v: vec4f, lane: u32) -> vec4f {
  let from_ = (lane + 1u) % 8u;
  return vec4f(subgroupShuffle(v.x, from_), subgroupShuffle(v.y, from_), subgroupShuffle(v.z, from_), subgroupShuffle(v.w, from_));
}

@main
  let work = workgroup_index;
  if (work >= params.work) { return; }
  let lane = local_invocation_index;
  let q0 = work % params.blocks * 4u;
  let m0 = work / params.blocks * 32u + lane;
  let at = vec4u(m0, m0 + 8u, m0 + 16u, m0 + 24u);
  let y = vec4i(at / params.width % params.height);
  // Where a row begins or ends within the lanes, what lies beside it is padding.
  let begins = at % params.width == vec4u();
  let ends = at % params.width == vec4u(params.width - 1u);
@for n in 0..16
  var sum${n} = vec4f();
@end
  for (var ky = 0u; ky < params.taps_y; ky++) {
    let down = i32(ky) - i32(params.above);
    let inside = (y + vec4i(down) >= vec4i()) & (y + vec4i(down) < vec4i(i32(params.height))) & (at < vec4u(params.positions));
    let pixel = select(vec4u(), vec4u(vec4i(at) + vec4i(down * i32(params.width))), inside) * params.quads_k;
    let tap = ky * 3u;
    for (var k = 0u; k < params.quads_k; k++) {
@for b in 0..4
      let p${b} = select(vec4f(), pixels[pixel[${b}] + k], inside[${b}]);
@end
@for j in 0..6
      let w${j} = w[((tap + ${j/2}u) * params.quads_k * 4u + k * 4u + ${j%2*2}u + lane / 4u) * params.quads_n + q0 + lane % 4u];
@end
@for c in 0..4
      let here${c} = vec4f(p0[${c}], p1[${c}], p2[${c}], p3[${c}]);
      let right${c} = rotated_right(here${c}, lane);
      let left${c} = rotated_left(here${c}, lane);
      // What lies before the pixels, and behind them.
      let before${c} = select(select(right${c}, vec4f(0.0, right${c}.xyz), lane == 0u), vec4f(), begins);
      let behind${c} = select(select(left${c}, vec4f(left${c}.yzw, 0.0), lane == 7u), vec4f(), ends);
@end
@for n in 0..16
@for c in 0..4
      sum${n} += subgroupBroadcast(w${c/2}[${n%4}], ${c%2*4+n/4}u) * before${c};
      sum${n} += subgroupBroadcast(w${2+c/2}[${n%4}], ${c%2*4+n/4}u) * here${c};
      sum${n} += subgroupBroadcast(w${4+c/2}[${n%4}], ${c%2*4+n/4}u) * behind${c};
@end
@end
    }
  }
  // Rolled up, because every copy of a long epilogue costs compile time.
  var tile_: array<vec4f, 16>;
@for b in 0..4
@for q in 0..4
  tile_[${4*b+q}] = vec4f(sum${4*q}[${b}], sum${4*q+1}[${b}], sum${4*q+2}[${b}], sum${4*q+3}[${b}]);
@end
@end
  for (var t = 0u; t < 16u; t++) {
    let m = m0 + t / 4u * 8u;
    if (m < params.positions) { store(m * params.quads_n + q0 + t % 4u, tile_[t]); }
  }
@end
