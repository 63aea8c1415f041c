// Gradients to the kernel and to the bias of a convolution that was fused with 2×2 max pooling, for GPUs. After
// conv2d_pool_tile.wgsl and conv2d_pool_gradient_sums.wgsl. Of each window only the winning position sent its value on.
// x: [batch, H, W, C], dy: [batch, OH, OW, N] (pooled), winners: a byte a channel; result [KH*KW*C + 1, N], the bias last.
//
// A thread owns four output channels and a slice of the taps: one input channel, KROWS of the kernel's rows. BLOCK fours of
// channels by SLICES by SLOTS make a workgroup. It puts tile after tile of pixels into its memory, and slot s takes windows
// s, s + SLOTS, ... of each. At the end the slots' sums are added there: partial[chunk, tap, channel], added by a second kernel.
// Which pixel a tap meets is decided by the winner:
//   SELECT   the pixel is chosen along x, the gradient goes to one of two rows: two products a tap, one of them with zero
//   else     the gradient goes to one of four positions: four products a tap, three of them with zero, and nothing is chosen
// So a NaN pixel that did not win may reach a tap, as it does without the fusion.
// grid: x = blocks of BLOCK * 4 channels, y = chunks. uniforms: rows = batch * OH, tiles, chunk

const SLICES = {{SLICES}}u; const SLOTS = {{SLOTS}}u;
const KH = {{KH}}u; const KW = {{KW}}u; const KROWS = {{KROWS}}u;

@main
  let thread = local_invocation_index;
  let q = min(workgroup_id.x * BLOCK + thread % BLOCK, QUADS - 1u);
  let slice = thread / BLOCK % SLICES;
  let slot = thread / (BLOCK * SLICES);
  let channel = slice % C;
  // The last slice begins early enough to be whole.
  let first_tap = min(slice / C * KROWS, KH - KROWS);
@for k in 0..SUMS
  var sum${k} = vec4f();
@end
  let end = min((workgroup_id.y + 1u) * params.chunk, params.tiles);
  for (var tile = workgroup_id.y * params.chunk; tile < end; tile++) {
    let first_row = tile / TILES_X * ROWS;
    let first_column = tile % TILES_X * COLUMNS;
    // All have taken what lay there.
    workgroupBarrier();
    stage(thread, first_row, first_column);
    workgroupBarrier();
    for (var at = slot; at < WINDOWS; at += SLOTS) {
      let row = first_row + at / COLUMNS;
      let column = first_column + at % COLUMNS;
      if ((row < params.rows) & (column < OW)) {
        let window = (row * OW + column) * QUADS + q;
        let g = dy[window];
        let winner = vec4u(winners[window]);
        let corner = (at / COLUMNS * PH + first_tap) * WIDE + at % COLUMNS * (2u * C) + channel;
@for y in 0..PROWS
@for x in 0..PW
        let p${y*PW+x} = pixel(corner + ${y}u * WIDE + ${x}u * C);
@end
@end
        let below = (winner & vec4u(0x2u, 0x200u, 0x20000u, 0x2000000u)) != vec4u();
        let right = (winner & vec4u(0x1u, 0x100u, 0x10000u, 0x1000000u)) != vec4u();
        let upper = select(g, vec4f(), below);
        let lower = select(vec4f(), g, below);
@if SELECT
@for kx in 0..KW
        {
@for y in 0..PROWS
          let row${y} = select(vec4f(p${y*PW+kx}), vec4f(p${y*PW+kx+1}), right);
@end
@for ky in 0..KROWS
          sum${ky*KW+kx} += upper * row${ky};
          sum${ky*KW+kx} += lower * row${ky+1};
@end
        }
@end
@else
        let g0 = select(upper, vec4f(), right);
        let g1 = select(vec4f(), upper, right);
        let g2 = select(lower, vec4f(), right);
        let g3 = select(vec4f(), lower, right);
@for ky in 0..KROWS
@for kx in 0..KW
        sum${ky*KW+kx} += g0 * p${ky*PW+kx};
        sum${ky*KW+kx} += g1 * p${ky*PW+kx+1};
        sum${ky*KW+kx} += g2 * p${ky*PW+PW+kx};
        sum${ky*KW+kx} += g3 * p${ky*PW+PW+kx+1};
@end
@end
@end
        sum${KROWS*KW} += g;
      }
    }
  }
  add_up(thread, workgroup_id.x, workgroup_id.y, array<vec4f, {{SUMS}}>(
@for k in 0..SUMS
    sum${k},
@end
  ));
@end

// Of a tap in two slices the first one counts; every slice has the bias.
fn row_of(k: u32, part: u32) -> u32 {
  if (k == KROWS * KW) { return select(RESULTS, RESULTS - 1u, part == 0u); }
  let ky = min(part / C * KROWS, KH - KROWS) + k / KW;
  return select(RESULTS, (ky * KW + k % KW) * C + part % C, ky >= part / C * KROWS);
}
