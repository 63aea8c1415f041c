// A convolution's gradient to its kernel along rows of pixels, for 3 taps a row, stride 1 and results as large as the images:
// dw[ky, kx, channel, out] = Σ x[image, y + ky - above, px, channel] dy[image, y, px + 1 - kx, out] over all images and pixels.
// x: [batch, H, W, C], dy: [batch, H, W, N], C a multiple of 16, W of 4, N 16 or a multiple of 32.
//
// A subgroup of 8 lanes sums one ky, 16 channels of x and 4 * GROUP of dy: a lane owns four of dy's. A pixel's value is loaded once and
// broadcast, and meets the three neighbouring positions of dy, of which each is loaded once as well; on the CPU loads are what
// costs. Four pixels go to a sum at once, since the 192 sums of a lane lie in memory. With four lanes a position (HALVED) the two
// halves of the subgroup walk through rows of their own, and their sums are parts of their own.
// partial[part, ky, kx, channel, out]. A workgroup is a subgroup. Shapes are uniforms: layers of all sizes share a text.
// grid: x, y fold [chunk, ky, block of channels, block of outs], the last fastest. uniforms: work (subgroups), outs (blocks of outs),
// blocks (of channels times of outs), taps_y, above (rows of padding), height, width, quads_x = C / 4, quads_dy = N / 4,
// rows = batch * H, chunk (rows of a part)

@main
  let work = workgroup_index;
  if (work >= params.work) { return; }
  let lane = local_invocation_index;
  let n0 = work % params.outs * {{GROUP}}u + lane % {{GROUP}}u;
  let c0 = work / params.outs % (params.blocks / params.outs) * 4u;
  let ky = work / params.blocks % params.taps_y;
  let part = work / params.blocks / params.taps_y * ${8/GROUP}u + lane / {{GROUP}}u;
  let width = params.width;
@for t in 0..48
  var sum${t} = vec4f();
@end
  let begin = min(part * params.chunk, params.rows);
  let rows = min(begin + params.chunk, params.rows) - begin;
  let last = params.rows * width - 1u;
  // dy before and at the pixel.
  var d0 = vec4f();
  var d1 = dy[min(begin * width, last) * params.quads_dy + n0];
  for (var row = 0u; row < params.chunk; row++) {
    let position = (begin + row) * width;
    let y = i32((begin + row) % params.height) + i32(ky) - i32(params.above);
    let inside = (y >= 0) & (y < i32(params.height)) & (row < rows);
    let pixels = select(0u, u32(i32(position) + (i32(ky) - i32(params.above)) * i32(width)), inside);
    for (var px = 0u; px < width; px += 4u) {
@if HALVED
@for q in 0..4
      let x${q} = select(vec4f(), x[(pixels + px + lane % 4u) * params.quads_x + c0 + ${q}u], inside);
@end
@else
@for q in 0..2
      let x${q} = select(vec4f(), x[(pixels + px + lane % 4u) * params.quads_x + c0 + ${2*q}u + lane / 4u], inside);
@end
@end
      // dy before the first pixel, at the four, and behind the last: d0 to d5.
@for j in 0..4
      let d${j+2} = dy[min(position + px + ${j+1}u, last) * params.quads_dy + n0];
@end
      // Beside the first and the last pixel of a row there is none: both factors are zero then, so that no NaN gets through.
      let begins = px == 0u;
      let ends = px + 4u == width;
      let before = select(d0, vec4f(), begins);
      let behind = select(d5, vec4f(), ends);
@for c in 0..16
      {
@for j in 0..4
@if HALVED
        let value${j} = subgroupShuffle(x${c/4}[${c%4}], lane / 4u * 4u + ${j}u);
@else
        let value${j} = subgroupBroadcast(x${c/8}[${c%4}], ${c/4%2*4+j}u);
@end
@end
        sum${c} += value0 * d2;
        sum${c} += value1 * d3;
        sum${c} += value2 * d4;
        sum${c} += select(value3, 0.0, ends) * behind;
        sum${16+c} += value0 * d1;
        sum${16+c} += value1 * d2;
        sum${16+c} += value2 * d3;
        sum${16+c} += value3 * d4;
        sum${32+c} += select(value0, 0.0, begins) * before;
        sum${32+c} += value1 * d1;
        sum${32+c} += value2 * d2;
        sum${32+c} += value3 * d3;
      }
@end
      d0 = d4;
      d1 = d5;
    }
  }
  // Rolled up, because every copy of a long epilogue costs compile time.
  var tile_: array<vec4f, 48>;
@for t in 0..48
  tile_[${t}] = sum${t};
@end
  for (var t = 0u; t < 48u; t++) {
    let tap = ky * 3u + t / 16u;
    partial[((part * params.taps_y * 3u + tap) * params.quads_x * 4u + c0 * 4u + t % 16u) * params.quads_dy + n0] = tile_[t];
  }
@end
