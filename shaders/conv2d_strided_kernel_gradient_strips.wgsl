// The gradient to the kernel of a convolution of 3×3 taps and stride 2, along strips of images:
// dw[ky, kx, channel, out] = Σ x[image, 2 v + ky - above, 2 u + kx - left, channel] dy[image, v, u, out] over all images and positions (v, u).
// x: [batch, H, W, C], dy: [batch, VH, UW, N], C and N multiples of 16, UW of 4; no more than a row and a column of taps lie behind the pixels.
//
// As conv2d_kernel_gradient_strips.wgsl has it, a subgroup of 8 lanes sums all taps of 16 channels of x and 16 of dy, of which a lane owns
// two, and walks down strips of four positions. A turn has two rows of x, each loaded once: the first (2 v - above) meets dy's row by tap 0
// and the row above of dy by tap 2, the second one dy's row by tap 1. A workgroup is a subgroup. partial[part, ky, kx, channel, out].
// grid: x, y fold [chunk of strips, block of channels, block of outs], the last fastest. uniforms: work (workgroups), outs (blocks of outs),
// blocks (of channels times of outs), height = H, width = W, rows = VH, columns = UW, above, left (pixels of padding), down (turns of a strip),
// across = UW / 4, strips, chunk (strips of a part), quads_x = C / 4, pairs_dy = N / 2, sums (of a lane)

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
  let turns = (min(strip + params.chunk, params.strips) - strip) * params.down;
  var v = 0u;
  // dy's row above, which there is from the second row on.
@for p in 0..4
  var above${p} = vec2f();
@end
  for (var turn = 0u; turn < turns; turn++) {
    let image = strip / params.across;
    let u = strip % params.across * 4u;
    // What lies before 0 is beyond the end, too.
    let y = 2u * v - params.above;
@for i in 0..5
    let x${i} = 2u * u + ${2*i}u + lane / 4u - params.left;
@for r in 0..2
    let inside${r}_${i} = y + ${r}u < params.height && x${i} < params.width;
    let at${r}_${i} = select(0u, ((image * params.height + y + ${r}u) * params.width + x${i}) * params.quads_x, inside${r}_${i});
    let pixel${r}_${i} = select(vec4f(), x[at${r}_${i} + c0 + lane % 4u], inside${r}_${i});
@end
@end
    let there = v < params.rows;
    let position = (image * params.rows + select(0u, v, there)) * params.columns + u;
@for p in 0..4
    let d${p} = dy[(position + ${p}u) * params.pairs_dy + n0];
@end
    // Beside the first and the last column there may be none: both factors are zero then, so that no NaN gets through.
    let begins = u < params.left;
    let ends = 2u * u + 8u - params.left >= params.width;
    let first = select(d0, vec2f(), begins);
    let last = select(d3, vec2f(), ends);
    if (there && y < params.height) {
@for c in 0..16
      {
@for j in 0..9
        let value${j} = subgroupShuffle(pixel0_${j/2}[${c%4}], ${j%2*4+c/4}u);
@end
        sum${c} += value0 * first + value2 * d1 + value4 * d2 + value6 * d3;
        sum${16+c} += value1 * d0 + value3 * d1 + value5 * d2 + value7 * d3;
        sum${32+c} += value2 * d0 + value4 * d1 + value6 * d2 + value8 * last;
      }
@end
    }
    if (there) {
@for c in 0..16
      {
@for j in 0..9
        let value${j} = subgroupShuffle(pixel1_${j/2}[${c%4}], ${j%2*4+c/4}u);
@end
        sum${48+c} += value0 * first + value2 * d1 + value4 * d2 + value6 * d3;
        sum${64+c} += value1 * d0 + value3 * d1 + value5 * d2 + value7 * d3;
        sum${80+c} += value2 * d0 + value4 * d1 + value6 * d2 + value8 * last;
      }
@end
    }
    if (v > 0u && y < params.height) {
      let above_first = select(above0, vec2f(), begins);
      let above_last = select(above3, vec2f(), ends);
@for c in 0..16
      {
@for j in 0..9
        let value${j} = subgroupShuffle(pixel0_${j/2}[${c%4}], ${j%2*4+c/4}u);
@end
        sum${96+c} += value0 * above_first + value2 * above1 + value4 * above2 + value6 * above3;
        sum${112+c} += value1 * above0 + value3 * above1 + value5 * above2 + value7 * above3;
        sum${128+c} += value2 * above0 + value4 * above1 + value6 * above2 + value8 * above_last;
      }
@end
    }
@for p in 0..4
    above${p} = d${p};
@end
    v++;
    if (v == params.down) {
      v = 0u;
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
