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
// The workgroup puts tile after tile of pixels into its memory and transforms them once for all output channels. A thread owns
// four output channels and half of the products along y: a and b, or d and c. BLOCK fours of channels by two halves by SLOTS make
// a workgroup, and slot s takes windows s, s + SLOTS, ... of each tile.
// A NaN or an infinity reaches all taps of its window as NaN. (Among the zeros of the convolution's own gradient it would, too.)
// grid: x = blocks of BLOCK * 4 channels, y = chunks. uniforms: rows = batch * OH, tiles, chunk

const SLOTS = {{SLOTS}}u;

// Of each window and half two rows of four pixels an input channel, transformed. Indices within them are constants: then WebGPU's
// checks ask for one of them a window.
var<workgroup> transformed: array<array<vec4f, {{FOURS}}>, 2u * WINDOWS>;

// Along the row.
fn across(v: vec4f) -> vec4f { return vec4f(v.x - v.z, v.y + v.z, v.z - v.y, v.y - v.w); }

fn transform(thread: u32) {
  for (var t = thread; t < WINDOWS * C; t += WORKGROUP) {
    let at = t / C;
    let corner = at / COLUMNS * (PH * WIDE) + at % COLUMNS * (2u * C) + t % C;
@for y in 0..4
    let row${y} = vec4f(pixel(corner + ${y}u * WIDE), pixel(corner + ${y}u * WIDE + C), pixel(corner + ${y}u * WIDE + 2u * C), pixel(corner + ${y}u * WIDE + 3u * C));
@end
    let first = t % C * 2u;
    transformed[2u * at][first] = across(row0 - row2);
    transformed[2u * at][first + 1u] = across(row1 + row2);
    transformed[2u * at + 1u][first] = across(row1 - row3);
    transformed[2u * at + 1u][first + 1u] = across(row2 - row1);
  }
}

fn masked(v: vec4f, mask: vec4i) -> vec4f { return bitcast<vec4f>(bitcast<vec4i>(v) & mask); }

// All ones where bit `bit` of a channel's byte is set.
fn mask_of(bytes: i32, bit: u32) -> vec4i {
  return vec4i(extractBits(bytes, bit, 1u), extractBits(bytes, bit + 8u, 1u), extractBits(bytes, bit + 16u, 1u), extractBits(bytes, bit + 24u, 1u));
}

@main
  let thread = local_invocation_index;
  let q = min(workgroup_id.x * BLOCK + thread % BLOCK, QUADS - 1u);
  let half = thread / BLOCK % 2u;
  let slot = thread / (BLOCK * 2u);
  // The first half keeps the upper row's gradient, the second one the lower row's.
  let flip = select(0u, 0x02020202u, half == 0u);
  let weight = select(0.0, -2.0, half == 1u);
  var bias = vec4f();
@for k in 0..PRODUCTS
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
    transform(thread);
    workgroupBarrier();
    let windows = min(WINDOWS, (params.rows - first_row) * COLUMNS);
    for (var at = slot; at < windows; at += SLOTS) {
@if BESIDE
      let column = first_column + at % COLUMNS;
      if (column >= OW) { continue; }
      let window = ((first_row + at / COLUMNS) * OW + column) * QUADS + q;
@else
      let window = (first_row * OW + at) * QUADS + q;
@end
      let g = dy[window];
      let winner = bitcast<i32>(winners[window] ^ flip);
      let right = mask_of(winner, 0u);
      // a or d; b or c.
      let g0 = masked(g, mask_of(winner, 1u));
      let g1 = fma(g0, vec4f(weight), g);
@for y in 0..2
      {
        let d = masked(g${y}, right);
        let a = masked(g${y}, ~right);
        let c = a - d;
@for i in 0..C
        let x${i} = transformed[2u * at + half][${2*i+y}];
        sum${i*8+y*4} += a * x${i}.x;
        sum${i*8+y*4+1} += g${y} * x${i}.y;
        sum${i*8+y*4+2} += c * x${i}.z;
        sum${i*8+y*4+3} += d * x${i}.w;
@end
      }
@end
      bias += g;
    }
  }
  // What this half has of each tap.
  let upper = select(0.0, 1.0, half == 0u);
  let middle = select(0.5, -0.5, half == 1u);
  let lower = select(0.0, -1.0, half == 1u);
@for i in 0..C
@for y in 0..2
  let tap${i}${y}0 = sum${i*8+y*4} + 0.5 * (sum${i*8+y*4+1} + sum${i*8+y*4+2});
  let tap${i}${y}1 = 0.5 * (sum${i*8+y*4+1} - sum${i*8+y*4+2});
  let tap${i}${y}2 = 0.5 * (sum${i*8+y*4+1} + sum${i*8+y*4+2}) - sum${i*8+y*4+3};
@end
@end
  add_up(thread, workgroup_id.x, workgroup_id.y, array<vec4f, {{SUMS}}>(
@for x in 0..3
@for i in 0..C
    upper * tap${i}0${x} + 0.5 * tap${i}1${x},
    middle * tap${i}1${x},
    lower * tap${i}0${x} + 0.5 * tap${i}1${x},
@end
@end
    select(vec4f(), bias, half == 0u),
  ));
@end

// Sums are in the order of kx, input channel, ky.
fn row_of(k: u32, part: u32) -> u32 {
  let channel = k / 3u % C;
  return select((k % 3u * 3u + k / (3u * C)) * C + channel, 9u * C, k == 9u * C);
}
