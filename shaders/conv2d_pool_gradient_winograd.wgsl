// Gradients to the kernel and to the bias of a 3×3 convolution that was fused with 2×2 max pooling, for GPUs, by Winograd's
// minimal filtering. After conv2d_pool_tile.wgsl and conv2d_pool_gradient_sums.wgsl.
// x: [batch, H, W, C], dy: [batch, OH, OW, N] (pooled), winners: a byte a channel; result [9*C + 1, N], the bias last.
//
// The 2×2 gradients of a window, three of them zero, meet its 4×4 pixels in 3×3 taps: 36 products. Along one axis
//   tap 0 = g0 x0 + g1 x1 = a + (b + c) / 2,   tap 1 = g0 x1 + g1 x2 = (b - c) / 2,   tap 2 = g0 x2 + g1 x3 = (b + c) / 2 - d
//   a = g0 (x0 - x2),   b = (g0 + g1) (x1 + x2),   c = (g0 - g1) (x2 - x1),   d = g1 (x1 - x3)
// are four products instead of six, so both axes take 16, and nine of them are not with zero. Sums over windows are those of a, b,
// c and d, whose taps are taken at the end. Of g0 and g1 one is zero, so all their factors are the gradient or zero or its negative.
//
// The workgroup puts tile after tile of pixels into its memory and transforms them once for all output channels. A thread owns two
// output channels and all products of them: more would not fit the registers. BLOCK pairs of channels by SLOTS make a workgroup,
// and slot s takes windows s, s + SLOTS, ... of each tile.
// A NaN or an infinity reaches all taps of its window as NaN. (Among the zeros of the convolution's own gradient it would, too.)
// grid: x = blocks of BLOCK * 2 channels, y = chunks. uniforms: rows = batch * OH, tiles, chunk

const SLOTS = {{SLOTS}}u; const TURNS = (WINDOWS + SLOTS - 1u) / SLOTS;

// Of each window the 16 factors of its pixels, C input channels each. Indices within them are constants: then WebGPU's checks ask
// for one of them a window.
var<workgroup> factors: array<array<array<f32, {{FACTORS}}>, SLOTS>, TURNS>;

// Those of d, b, a and c along the row.
fn across(v: vec4f) -> vec4f { return vec4f(v.y - v.w, v.y + v.z, v.x - v.z, v.z - v.y); }

fn transform(thread: u32) {
  for (var t = thread; t < WINDOWS * C; t += WORKGROUP) {
    let at = t / C;
    let channel = t % C;
    let corner = at / COLUMNS * (PH * WIDE) + at % COLUMNS * (2u * C) + channel;
@for y in 0..4
    let row${y} = vec4f(pixel(corner + ${y}u * WIDE), pixel(corner + ${y}u * WIDE + C), pixel(corner + ${y}u * WIDE + 2u * C), pixel(corner + ${y}u * WIDE + 3u * C));
@end
    let rows = array<vec4f, 4>(across(row1 - row3), across(row1 + row2), across(row0 - row2), across(row2 - row1));
@for y in 0..4
@for x in 0..4
    factors[at / SLOTS][at % SLOTS][${4*y+x}u * C + channel] = rows[${y}][${x}];
@end
@end
  }
}

fn masked(v: vec2f, mask: vec2i) -> vec2f { return bitcast<vec2f>(bitcast<vec2i>(v) & mask); }

// All ones where bit `bit` of a channel's byte is set.
fn mask_of(bytes: i32, bit: u32) -> vec2i { return vec2i(extractBits(bytes, bit, 1u), extractBits(bytes, bit + 8u, 1u)); }

@main
  let thread = local_invocation_index;
  let pair = min(workgroup_id.x * BLOCK + thread % BLOCK, QUADS * 2u - 1u);
  let quad = pair / 2u;
  let half = pair % 2u;
  let slot = thread / BLOCK;
  var bias = vec2f();
@for k in 0..PRODUCTS
  var sum${k} = vec2f();
@end
  let end = min((workgroup_id.y + 1u) * params.chunk, params.tiles);
  for (var tile = workgroup_id.y * params.chunk; tile < end; tile++) {
    let first_row = tile / TILES_X * ROWS;
    let first_column = tile % TILES_X * COLUMNS;
    // All have taken what lay there.
    workgroupBarrier();
    stage(thread, first_row, first_column);
    workgroupBarrier();
    transform(thread);
    workgroupBarrier();
    let windows = min(WINDOWS, (params.rows - first_row) * COLUMNS);
@if !BESIDE
    let begin = (first_row * OW + slot) * QUADS + quad;
@end
    for (var turn = 0u; turn < TURNS; turn++) {
      let at = turn * SLOTS + slot;
      if (at >= windows) { break; }
@if BESIDE
      let column = first_column + at % COLUMNS;
      if (column >= OW) { continue; }
      let window = ((first_row + at / COLUMNS) * OW + column) * QUADS + quad;
@else
      let window = begin + turn * (SLOTS * QUADS);
@end
      let b = dy[window * 2u + half];
      let winner = bitcast<i32>(winners[window] >> (half * 16u));
      let right = mask_of(winner, 0u);
      // d, b, a and c along y, and of each the same along x: what is made just before it is used takes the fewest registers.
      let g1 = masked(b, mask_of(winner, 1u));
      let g2 = b;
@for y in 0..4
@if ${y} < 2
@else
      let g${y+1} = g${y} - g1;
@end
      {
        let d = masked(g${y+1}, right);
@for i in 0..C
        sum${i*16+y*4} += d * factors[turn][slot][${4*y}u * C + ${i}u];
@end
@for i in 0..C
        sum${i*16+y*4+1} += g${y+1} * factors[turn][slot][${4*y+1}u * C + ${i}u];
@end
        let a = g${y+1} - d;
@for i in 0..C
        sum${i*16+y*4+2} += a * factors[turn][slot][${4*y+2}u * C + ${i}u];
@end
        let c = a - d;
@for i in 0..C
        sum${i*16+y*4+3} += c * factors[turn][slot][${4*y+3}u * C + ${i}u];
@end
      }
@end
      bias += b;
    }
  }
@for i in 0..C
@for y in 0..4
  let tap${i}${y}0 = sum${i*16+y*4+2} + 0.5 * (sum${i*16+y*4+1} + sum${i*16+y*4+3});
  let tap${i}${y}1 = 0.5 * (sum${i*16+y*4+1} - sum${i*16+y*4+3});
  let tap${i}${y}2 = 0.5 * (sum${i*16+y*4+1} + sum${i*16+y*4+3}) - sum${i*16+y*4};
@end
@end
  add_up(thread, workgroup_id.x, workgroup_id.y, array<vec2f, {{SUMS}}>(
@for x in 0..3
@for i in 0..C
    tap${i}2${x} + 0.5 * (tap${i}1${x} + tap${i}3${x}),
    0.5 * (tap${i}1${x} - tap${i}3${x}),
    0.5 * (tap${i}1${x} + tap${i}3${x}) - tap${i}0${x},
@end
@end
    bias,
  ));
@end

// Sums are in the order of kx, input channel, ky.
fn row_of(k: u32, part: u32) -> u32 {
  let channel = k / 3u % C;
  return select((k % 3u * 3u + k / (3u * C)) * C + channel, 9u * C, k == 9u * C);
}
