// A convolution of 3×3 taps along strips of images, stride 1 and results as large as the images:
// y[image, y, x, n] = Σ pixels[image, y + ky - 1, x + kx - 1, k] w(ky, kx, k, n), the sum over CHANNELS = 4 * QUADS of all channels k.
// pixels: [batch, H, W, K], y: [batch, H, W, N], N a multiple of 16; w: [3, 3, K, N], or for the gradient to the images [3, 3, N, K] with its
// last tap first: uniforms tell where a weight lies, so that both share a text. Unless it is WHOLE, y is left in partial: [batch, H, W, N], to
// which a pass of further channels (begin > 0) adds; partial_results.wgsl stores it.
//
// A subgroup of 8 lanes takes 16 results, a lane two of them, of which it keeps all weights: an element of private memory whose index is
// a constant costs nothing on the CPU, while a load from storage costs a hundred instructions. It walks down strips of two positions, from
// one strip into the next. A row's pixels, and those at both sides, are loaded by lane and broadcast; each meets all its taps at
// once: of the row above (sum2, which is complete then), its own (sum1) and the one below (sum0). A workgroup is a subgroup.
// grid: x, y fold [chunk of strips, block of 16 results], the last fastest. uniforms: work (workgroups), blocks, height, width, across (strips
// of an image), strips, chunk (strips of a workgroup), quads_k = K / 4, quads_n = N / 4, taps = 9 * CHANNELS, begin (first quad of channels);
// floats of w: w_first, to the first tap's first weight, w_tap, w_k, w_pair, from one tap, channel and pair of results to the next, and w_next,
// from the first of a pair to the second (all modulo 2³²)

@main
  let work = workgroup_index;
  if (work >= params.work) { return; }
  let lane = local_invocation_index;
  let pair = work % params.blocks * 8u + lane;
  var weights: array<vec2f, ${36*QUADS}>;
  // Rolled up by a uniform, since a driver would unroll it.
  for (var t = 0u; t < params.taps; t++) {
    let k = params.begin * 4u + t % ${4*QUADS}u;
    let at = params.w_first + t / ${4*QUADS}u * params.w_tap + k * params.w_k + pair * params.w_pair;
    weights[t] = vec2f(w[at], w[at + params.w_next]);
  }
@for p in 0..2
@for ky in 0..3
  var sum${ky}_${p} = vec2f();
@end
@end
@if WHOLE
  keep(pair / 2u);
@end
  var strip = work / params.blocks * params.chunk;
  let turns = (min(strip + params.chunk, params.strips) - strip) * params.height;
  var y = 0u;
  var above = 0u;
  var column_above = 0u;
  // The row above is complete after a turn: one turn more for the last row of all.
  for (var turn = 0u; turn <= turns; turn++) {
    let row = (strip / params.across * params.height + y) * params.width;
    let column = strip % params.across * 2u;
@for i in 0..LOADS
    let x${i} = column + (${8*i}u + lane) / {{QUADS}}u;
    let inside${i} = x${i} > 0u && x${i} <= params.width && turn < turns;
    let at${i} = select(0u, (row + x${i} - 1u) * params.quads_k + (${8*i}u + lane) % {{QUADS}}u, inside${i});
    let pixel${i} = select(vec4f(), pixels[at${i} + params.begin], inside${i});
@end
    // Above a strip's first row lies the last one of the strip before, complete already.
    let first = y == 0u;
@for p in 0..2
    let last_${p} = sum2_${p};
    sum1_${p} = select(sum1_${p}, vec2f(), first);
@end
@for q in 0..QUADS
@for c in 0..4
    {
@for x in 0..4
      let value${x} = subgroupShuffle(pixel${(x*QUADS+q)/8}[${c}], ${(x*QUADS+q)%8}u);
@end
@for ky in 0..3
@for kx in 0..3
      {
        let weight = weights[${((ky*3+kx)*QUADS+q)*4+c}];
@for p in 0..2
        sum${ky}_${p} += value${p+kx} * weight;
@end
      }
@end
@end
    }
@end
@end
    // Neighbouring lanes exchange two of their results, so that each stores four of one position.
    let here = select(sum2_0, last_0, first);
    let beside = select(sum2_1, last_1, first);
    let odd = lane % 2u == 1u;
    let given = select(beside, here, odd);
    let got = vec2f(subgroupShuffle(given.x, lane ^ 1u), subgroupShuffle(given.y, lane ^ 1u));
    let x = column_above + lane % 2u;
    if (turn > 0u && x < params.width) {
      let at = (above + x) * params.quads_n + pair / 2u;
      let result = select(vec4f(here, got), vec4f(got, beside), odd);
@if WHOLE
      store(at, result);
@else
      var before = vec4f();
      if (params.begin > 0u) { before = partial[at]; }
      partial[at] = before + result;
@end
    }
    above = row;
    column_above = column;
@for p in 0..2
    sum2_${p} = sum1_${p};
    sum1_${p} = sum0_${p};
    sum0_${p} = vec2f();
@end
    y++;
    if (y == params.height) {
      y = 0u;
      strip++;
    }
  }
@end
