// The gradient to the images of a convolution of 3×3 taps and stride 2, along strips of images:
// dx[image, y, x, n] = Σ dy[image, v, u, k] w[y + above - 2 v, x + left - 2 u, n, k] over the positions (v, u) that saw the pixel, the sum over
// CHANNELS = 4 * QUADS of all channels k. dy: [batch, VH, UW, K], dx: [batch, H, W, N], N a multiple of 16; w: [3, 3, N, K]. It is left
// in partial: [batch, H, W, N], to which a pass of further channels (begin > 0) adds; partial_results.wgsl stores it.
//
// A cell is the 2×2 pixels (2 v - above, 2 u - left) and on. Of its first row the pixels are seen by position v with tap 0 and by v - 1 with
// tap 2, of its second one by v with tap 1; columns likewise: nine products for four pixels. As conv2d_strips.wgsl has it, a
// subgroup of 8 lanes takes 16 results, a lane two of them, of which it keeps the weights; it walks down strips of two cells, and a value of
// dy that is loaded meets all its taps at once: of the cell's rows (first, second) and of the next cell's first row (below).
// A workgroup is a subgroup. grid: x, y fold [chunk of strips, block of 16 results], the last fastest. uniforms: work (workgroups), blocks,
// height = H, width = W, rows = VH, columns = UW, above, left (pixels of padding), down (cells of a strip), across (strips of an image), strips,
// chunk (strips of a workgroup), quads_k = K / 4, quads_n = N / 4, taps = 9 * CHANNELS, begin (first quad of channels), stores (of a lane)

@main
  let work = workgroup_index;
  if (work >= params.work) { return; }
  let lane = local_invocation_index;
  let pair = work % params.blocks * 8u + lane;
  let channels = params.quads_k * 4u;
  var weights: array<vec2f, ${36*QUADS}>;
  // Rolled up by a uniform, since a driver would unroll it.
  for (var t = 0u; t < params.taps; t++) {
    let k = params.begin * 4u + t % ${4*QUADS}u;
    let at = (t / ${4*QUADS}u * params.quads_n * 4u + 2u * pair) * channels + k;
    weights[t] = vec2f(w[at], w[at + channels]);
  }
@for x in 0..4
  var below_${x} = vec2f();
@end
  var strip = work / params.blocks * params.chunk;
  let turns = (min(strip + params.chunk, params.strips) - strip) * params.down;
  var v = 0u;
  for (var turn = 0u; turn < turns; turn++) {
    let image = strip / params.across;
    let u = strip % params.across * 2u;
@for i in 0..LOADS
    let u${i} = u + (${8*i}u + lane) / {{QUADS}}u;
    let inside${i} = u${i} > 0u && u${i} <= params.columns && v < params.rows;
    let at${i} = ((image * params.rows + v) * params.columns + u${i} - 1u) * params.quads_k + (${8*i}u + lane) % {{QUADS}}u;
    let seen${i} = select(vec4f(), dy[select(0u, at${i}, inside${i}) + params.begin], inside${i});
@end
@for x in 0..4
    var first_${x} = select(below_${x}, vec2f(), v == 0u);
    var second_${x} = vec2f();
    below_${x} = vec2f();
@end
@for q in 0..QUADS
@for c in 0..4
    {
@for p in 0..3
      let value${p} = subgroupShuffle(seen${(p*QUADS+q)/8}[${c}], ${(p*QUADS+q)%8}u);
@end
@for p in 0..2
      first_${2*p} += value${p+1} * weights[${q*4+c}];
      first_${2*p+1} += value${p+1} * weights[${(QUADS+q)*4+c}];
      first_${2*p} += value${p} * weights[${(2*QUADS+q)*4+c}];
      second_${2*p} += value${p+1} * weights[${(3*QUADS+q)*4+c}];
      second_${2*p+1} += value${p+1} * weights[${(4*QUADS+q)*4+c}];
      second_${2*p} += value${p} * weights[${(5*QUADS+q)*4+c}];
      below_${2*p} += value${p+1} * weights[${(6*QUADS+q)*4+c}];
      below_${2*p+1} += value${p+1} * weights[${(7*QUADS+q)*4+c}];
      below_${2*p} += value${p} * weights[${(8*QUADS+q)*4+c}];
@end
    }
@end
@end
    // Neighbouring lanes exchange two of their results, so that each stores four of one pixel.
    let odd = lane % 2u == 1u;
@for p in 0..2
    let first_given${p} = select(first_${2*p+1}, first_${2*p}, odd);
    let second_given${p} = select(second_${2*p+1}, second_${2*p}, odd);
    let first_got${p} = vec2f(subgroupShuffle(first_given${p}.x, lane ^ 1u), subgroupShuffle(first_given${p}.y, lane ^ 1u));
    let second_got${p} = vec2f(subgroupShuffle(second_given${p}.x, lane ^ 1u), subgroupShuffle(second_given${p}.y, lane ^ 1u));
    let result${p} = select(vec4f(first_${2*p}, first_got${p}), vec4f(first_got${p}, first_${2*p+1}), odd);
    let result${p+2} = select(vec4f(second_${2*p}, second_got${p}), vec4f(second_got${p}, second_${2*p+1}), odd);
@end
    // Rolled up, because every copy of a long epilogue costs compile time. What lies before 0 is beyond the end, too.
    for (var t = 0u; t < params.stores; t++) {
      let y = 2u * v + t / 2u - params.above;
      let x = 2u * (u + t % 2u) + lane % 2u - params.left;
      if (y < params.height && x < params.width) {
        let at = ((image * params.height + y) * params.width + x) * params.quads_n + pair / 2u;
        let sum = select(select(result0, result1, t == 1u), select(result2, result3, t == 3u), t > 1u);
        var before = vec4f();
        if (params.begin > 0u) { before = partial[at]; }
        partial[at] = before + sum;
      }
    }
    v++;
    if (v == params.down) {
      v = 0u;
      strip++;
    }
  }
@end
