// Convolution, bias, ReLU and 2×2 max pooling in one kernel for GPUs, for few input channels. After conv2d_pool_tile.wgsl.
// x: [batch, H, W, C], w: [KH, KW, C, N], bias: [N], y: [batch, OH, OW, N] pooled.
//
// A workgroup takes a tile of windows, a thread one of them. It holds the patch under its window in registers and walks over
// the output channels, four at a time: their weights are the same for all threads. Results go through the workgroup's
// memory, CHUNK fours of channels at a time, so that neighbouring threads store neighbours; there a row is turned by its
// number (TURN) where its length is even, so that threads do not wait for each other.
// With WINNERS, the position (0 to 3, row order) of each maximum goes to `winners`, a byte a channel, for the gradient.
// A NaN is the maximum. uniforms: rows = batch * OH

const CHUNK = {{CHUNK}}u;

@main
  let thread = local_invocation_index;
  let first_row = workgroup_index / TILES_X * ROWS;
  let first_column = workgroup_index % TILES_X * COLUMNS;
  stage(thread, first_row, first_column);
  workgroupBarrier();
  // Threads past the tile's windows repeat the last one and keep nothing.
  let own = min(thread, WINDOWS - 1u);
  let corner = own / COLUMNS * (PH * WIDE) + own % COLUMNS * (2u * C);
@for t in 0..PATCH
  let p${t} = pixel(corner + ${t/ROW}u * WIDE + ${t%ROW}u);
@end
  for (var q0 = 0u; q0 < QUADS; q0 += CHUNK) {
    let fours = min(CHUNK, QUADS - q0);
    // All have taken what lay there.
    workgroupBarrier();
@if WINNERS
    var positions = 0u;
@end
    for (var c = 0u; c < fours; c++) {
      let q = q0 + c;
      let biases = bias[q];
@for o in 0..4
      var s${o} = vec4f(biases[${o}]);
@end
@for t in 0..TAPS_ALL
      {
        // The tap's pixel under each of the window's four positions, and its weights to four channels.
        let under = vec4f(p${t/TAPS*ROW+t%TAPS}, p${t/TAPS*ROW+t%TAPS+C}, p${t/TAPS*ROW+t%TAPS+ROW}, p${t/TAPS*ROW+t%TAPS+ROW+C});
        let weights = w[${t}u * QUADS + q];
@for o in 0..4
        s${o} += weights[${o}] * under;
@end
      }
@end
      var top = vec4f(highest(s0), highest(s1), highest(s2), highest(s3));
@if WINNERS
      var best = first_of(s0, top.x) | (first_of(s1, top.y) << 2u) | (first_of(s2, top.z) << 4u) | (first_of(s3, top.w) << 6u);
@end
      // Rarely: a sum with a NaN in it is one. (So is infinity less infinity; looking closer does no harm.)
      let sums = s0 + s1 + s2 + s3;
      if (is_nan_word(sums.x + sums.y + sums.z + sums.w)) {
        top = vec4f(highest_or_nan(s0), highest_or_nan(s1), highest_or_nan(s2), highest_or_nan(s3));
@if WINNERS
        best = first_or_nan(s0, top.x) | (first_or_nan(s1, top.y) << 2u) | (first_or_nan(s2, top.z) << 4u) | (first_or_nan(s3, top.w) << 6u);
@end
      }
      if (thread < WINDOWS) {
        keep((thread * CHUNK + (c + thread * {{TURN}}u) % CHUNK) * 4u, top);
@if WINNERS
        // Eight bits for four channels, four of these a word.
        positions = (positions >> 8u) | (best << 24u);
        if (c % 4u == 3u || c + 1u == fours) { memory[WINDOWS * CHUNK * 4u + thread * ((CHUNK + 3u) / 4u) + c / 4u] = positions >> (24u - c % 4u * 8u); }
@end
      }
    }
    workgroupBarrier();
    for (var e = thread; e < WINDOWS * CHUNK; e += WORKGROUP) {
      let slot = e / CHUNK;
      let c = e % CHUNK;
      let row = first_row + slot / COLUMNS;
      let column = first_column + slot % COLUMNS;
      if ((row < params.rows) & (column < OW) & (c < fours)) {
        let at = (row * OW + column) * QUADS + q0 + c;
@if WINNERS
        let best = memory[WINDOWS * CHUNK * 4u + slot * ((CHUNK + 3u) / 4u) + c / 4u] >> (c % 4u * 8u);
        winners[at] = (best & 0x3u) | ((best & 0xcu) << 6u) | ((best & 0x30u) << 12u) | ((best & 0xc0u) << 18u);
@end
        store(at, relu(kept((slot * CHUNK + (c + slot * {{TURN}}u) % CHUNK) * 4u)));
      }
    }
  }
@end

fn is_nan_word(value: f32) -> bool { return (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u; }

fn highest(v: vec4f) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }

// A NaN equals nothing: where there is one, first_or_nan looks.
fn first_of(v: vec4f, top: f32) -> u32 { return select(select(select(3u, 2u, v.z == top), 1u, v.y == top), 0u, v.x == top); }

fn highest_or_nan(v: vec4f) -> f32 {
  // The sum of numbers and a NaN is that NaN.
  return select(highest(v), v.x + v.y + v.z + v.w, any(is_nan(v)));
}

fn first_or_nan(v: vec4f, top: f32) -> u32 {
  let nan = is_nan(v);
  let here = select(v == vec4f(top), nan, vec4<bool>(any(nan)));
  return select(select(select(3u, 2u, here.z), 1u, here.y), 0u, here.x);
}
