// The end of the gradients to kernel and bias of a convolution that was fused with 2×2 max pooling, for GPUs: threads that have
// summed up the same things add their sums. After conv2d_pool_tile.wgsl, with row_of(k, part) of the kernel's own text.
//
// Threads `o`, `o + OWNERS`, ... share their sums, SUMS fours of channels each; owner o has the fours o % BLOCK of the workgroup's
// block, and is part o / BLOCK of those that share them. The workgroup's memory takes AT_ONCE of each thread's sums at once.
// partial: [chunk, KH*KW*C + 1, N]; sum k of a part goes to row_of(k, part) of a chunk, and nowhere if there is no such row.

const BLOCK = {{BLOCK}}u; const OWNERS = {{OWNERS}}u;
// Of the result: a tap of each input channel, then the bias.
const RESULTS = {{KH}}u * {{KW}}u * C + 1u;

fn add_up(thread: u32, block: u32, chunk: u32, sums: array<vec4f, {{SUMS}}>) {
@for r in 0..ROUNDS
  workgroupBarrier();
@for j in 0..AT_ONCE
@if ${r*AT_ONCE+j} < SUMS
  keep((${j}u * WORKGROUP + thread) * 4u, sums[${r*AT_ONCE+j}]);
@end
@end
  workgroupBarrier();
  for (var o = thread; o < {{AT_ONCE}}u * OWNERS * 4u; o += WORKGROUP) {
    let k = ${r*AT_ONCE}u + o / (OWNERS * 4u);
    let word = o % (OWNERS * 4u);
    let channel = block * (BLOCK * 4u) + word % (BLOCK * 4u);
    let row = row_of(k, word / (BLOCK * 4u));
    if ((k < {{SUMS}}u) & (channel < QUADS * 4u) & (row < RESULTS)) {
      let first = o / (OWNERS * 4u) * (WORKGROUP * 4u) + word;
      var total = pixel(first);
      for (var s = OWNERS * 4u; s < WORKGROUP * 4u; s += OWNERS * 4u) { total += pixel(first + s); }
      partial[(chunk * RESULTS + row) * (QUADS * 4u) + channel] = total;
    }
  }
@end
}
