// The end of the gradients to kernel and bias of a convolution that was fused with 2×2 max pooling, for GPUs: threads that have
// summed up the same things add their sums. After conv2d_pool_tile.wgsl, with row_of(k, part) of the kernel's own text.
//
// Threads `o`, `o + OWNERS`, ... share their sums, SUMS times WIDTH channels each; owner o has the channels o % BLOCK of the
// workgroup's block, WIDTH at a time, and is part o / BLOCK of those that share them. The workgroup's memory takes AT_ONCE of each thread's sums at once.
// partial: [chunk, KH*KW*C + 1, N]; sum k of a part goes to row_of(k, part) of a chunk, and nowhere if there is no such row.

const BLOCK = {{BLOCK}}u; const OWNERS = {{OWNERS}}u; const WIDTH = {{WIDTH}}u;
// Of the result: a tap of each input channel, then the bias.
const RESULTS = {{KH}}u * {{KW}}u * C + 1u;

fn add_up(thread: u32, block: u32, chunk: u32, sums: array<vec{{WIDTH}}f, {{SUMS}}>) {
@for r in 0..ROUNDS
  workgroupBarrier();
@for j in 0..AT_ONCE
@if ${r*AT_ONCE+j} < SUMS
@for c in 0..WIDTH
  memory[(${j}u * WORKGROUP + thread) * WIDTH + ${c}u] = bitcast<u32>(sums[${r*AT_ONCE+j}][${c}]);
@end
@end
@end
  workgroupBarrier();
  for (var o = thread; o < {{AT_ONCE}}u * OWNERS * WIDTH; o += WORKGROUP) {
    let k = ${r*AT_ONCE}u + o / (OWNERS * WIDTH);
    let word = o % (OWNERS * WIDTH);
    let channel = block * (BLOCK * WIDTH) + word % (BLOCK * WIDTH);
    let row = row_of(k, word / (BLOCK * WIDTH));
    if ((k < {{SUMS}}u) & (channel < QUADS * 4u) & (row < RESULTS)) {
      let first = o / (OWNERS * WIDTH) * (WORKGROUP * WIDTH) + word;
      var total = pixel(first);
      for (var s = OWNERS * WIDTH; s < WORKGROUP * WIDTH; s += OWNERS * WIDTH) { total += pixel(first + s); }
      partial[(chunk * RESULTS + row) * (QUADS * 4u) + channel] = total;
    }
  }
@end
}
