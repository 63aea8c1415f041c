// A convolution's gradient to its kernel along strips of images, for 3×3 taps, stride 1 and results as large as the images:
// dw[ky, kx, channel, out] = Σ x[image, y + ky - 1, px, channel] dy[image, y, px + 1 - kx, out] over all images and pixels.
// x: [batch, H, W, C], dy: [batch, H, W, N], C and N multiples of 16, W of 4.
//
// A subgroup of 8 lanes sums all taps of 16 channels of x and 16 of dy: a lane owns two of dy's. It walks down strips of four pixels, from
// one strip into the next. A row's pixels of x are loaded by lane and broadcast; they meet dy's row and the row above, and the row above
// of x meets dy's, so that each is loaded once for its three rows of taps. Four pixels go to a sum at once, since the sums lie in
// memory. A workgroup is a subgroup.
// partial[part, ky, kx, channel, out]. Shapes are uniforms: layers of all sizes share a text.
// grid: x, y fold [chunk of strips, block of channels, block of outs], the last fastest. uniforms: work (workgroups), outs (blocks of outs),
// blocks (of channels times of outs), height, width, across = W / 4, strips = batch * across, chunk (strips of a part), quads_x = C / 4,
// pairs_dy = N / 2, sums (of a lane)

@main
  let work = workgroup_index;
  if (work >= params.work) { return; }
  let lane = local_invocation_index;
  let n0 = work % params.outs * 8u + lane;
  let c0 = work / params.outs % (params.blocks / params.outs) * 4u;
  let part = work / params.blocks;
@for t in 0..144
  var sum${t} = vec2f();
@end
  var strip = part * params.chunk;
  let rows = (min(strip + params.chunk, params.strips) - strip) * params.height;
  var y = 0u;
  // Of the row above, which there is from the second row on.
@for q in 0..2
  var up${q} = vec4f();
@end
@for j in 0..6
  var above${j} = vec2f();
@end
  for (var row = 0u; row < rows; row++) {
    let column = strip % params.across * 4u;
    let position = (strip / params.across * params.height + y) * params.width + column;
    let begins = column == 0u;
    let ends = column + 4u == params.width;
@for q in 0..2
    let x${q} = x[(position + lane % 4u) * params.quads_x + c0 + ${2*q}u + lane / 4u];
@end
    // dy before the first pixel, at the four, and behind the last.
    let d0 = select(vec2f(), dy[(position - select(1u, 0u, begins)) * params.pairs_dy + n0], !begins);
@for j in 0..4
    let d${j+1} = dy[(position + ${j}u) * params.pairs_dy + n0];
@end
    let d5 = select(vec2f(), dy[(position + select(4u, 3u, ends)) * params.pairs_dy + n0], !ends);
@for c in 0..16
    {
@for j in 0..4
      let value${j} = subgroupShuffle(x${c/8}[${c%4}], ${c/4%2*4+j}u);
@end
      // Beside the first and the last pixel of a row there is none: both factors are zero then, so that no NaN gets through.
      let first = select(value0, 0.0, begins);
      let last = select(value3, 0.0, ends);
      sum${48+c} += value0 * d2 + value1 * d3 + value2 * d4 + last * d5;
      sum${64+c} += value0 * d1 + value1 * d2 + value2 * d3 + value3 * d4;
      sum${80+c} += first * d0 + value1 * d1 + value2 * d2 + value3 * d3;
    }
@end
    if (y > 0u) {
@for c in 0..16
      {
@for j in 0..4
        let value${j} = subgroupShuffle(x${c/8}[${c%4}], ${c/4%2*4+j}u);
        let up_value${j} = subgroupShuffle(up${c/8}[${c%4}], ${c/4%2*4+j}u);
@end
        let first = select(value0, 0.0, begins);
        let last = select(value3, 0.0, ends);
        let up_first = select(up_value0, 0.0, begins);
        let up_last = select(up_value3, 0.0, ends);
        sum${c} += up_value0 * d2 + up_value1 * d3 + up_value2 * d4 + up_last * d5;
        sum${16+c} += up_value0 * d1 + up_value1 * d2 + up_value2 * d3 + up_value3 * d4;
        sum${32+c} += up_first * d0 + up_value1 * d1 + up_value2 * d2 + up_value3 * d3;
        sum${96+c} += value0 * above2 + value1 * above3 + value2 * above4 + last * above5;
        sum${112+c} += value0 * above1 + value1 * above2 + value2 * above3 + value3 * above4;
        sum${128+c} += first * above0 + value1 * above1 + value2 * above2 + value3 * above3;
      }
@end
    }
@for q in 0..2
    up${q} = x${q};
@end
@for j in 0..6
    above${j} = d${j};
@end
    y++;
    if (y == params.height) {
      y = 0u;
      strip++;
    }
  }
  // Rolled up, because every copy of a long epilogue costs compile time.
  var sums: array<vec2f, 144>;
@for t in 0..144
  sums[${t}] = sum${t};
@end
  for (var t = 0u; t < params.sums; t++) {
    partial[((part * 9u + t / 16u) * params.quads_x * 4u + c0 * 4u + t % 16u) * params.pairs_dy + n0] = sums[t];
  }
@end
