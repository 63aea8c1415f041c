// What conv2d_pool_workgroup.wgsl and the gradients of conv2d_pool_gradient_*.wgsl begin with: the pixels under a tile of pooled
// windows, in the workgroup's memory. x: [batch, H, W, C].
//
// A tile is ROWS rows of COLUMNS windows, one of TILES_X beside each other. Rows of windows follow each other through the
// images; each brings its own PH rows of pixels, WIDE floats each, with zeros outside of the image.
// Neighbouring threads read neighbouring addresses; with ALIGNED (W * C is a multiple of four) four floats each, of which
// VECTORS cover a row, from aligned addresses on. uniforms: rows = batch * OH

const H = {{H}}; const W = {{W}}; const C = {{C}}u; const QUADS = {{N}}u / 4u;
const OH = {{OH}}u; const OW = {{OW}}u; const PH = {{PH}}u;
const ROWS = {{ROWS}}u; const COLUMNS = {{COLUMNS}}u; const WINDOWS = ROWS * COLUMNS; const TILES_X = {{TILES_X}}u;
const WIDE = {{WIDE}}u;
const WORKGROUP = {{WORKGROUP}}u;

// Words, so that no bits are lost: it holds pixels, results and winners in turn.
var<workgroup> memory: array<u32, {{MEMORY}}>;

fn pixel(at: u32) -> f32 { return bitcast<f32>(memory[at]); }

fn keep(at: u32, value: vec4f) {
  let words = bitcast<vec4u>(value);
  memory[at] = words.x;
  memory[at + 1u] = words.y;
  memory[at + 2u] = words.z;
  memory[at + 3u] = words.w;
}

fn kept(at: u32) -> vec4f { return bitcast<vec4f>(vec4u(memory[at], memory[at + 1u], memory[at + 2u], memory[at + 3u])); }

// Where element `at` of a row of pixels of x begins, `at` counted from the image's left edge; -1 outside of the image.
fn source_of(row: u32, y: i32, at: i32) -> i32 {
  let inside = (row < params.rows) & (y >= 0) & (y < H) & (at >= 0) & (at < W * i32(C));
  return select(-1, (i32(row / OH) * H + y) * W * i32(C) + at, inside);
}

fn stage(thread: u32, first_row: u32, first_column: u32) {
  // The first float of the tile in a row of the image.
  let begin = (i32(first_column) * 2 - {{PAD_X}}) * i32(C);
@if ALIGNED
  const VECTORS = {{VECTORS}}u;
  for (var t = thread; t < ROWS * PH * VECTORS; t += WORKGROUP) {
    let r = t / VECTORS;
    let row = first_row + r / PH;
    let at = ((begin >> 2u) + i32(t % VECTORS)) * 4;
    let source = source_of(row, i32(row % OH) * 2 - {{PAD_Y}} + i32(r % PH), at);
    var words = vec4u();
    if (source >= 0) { words = bitcast<vec4u>(x[source / 4]); }
@for j in 0..4
    if (u32(at + ${j} - begin) < WIDE) { memory[r * WIDE + u32(at + ${j} - begin)] = words[${j}]; }
@end
  }
@else
  for (var t = thread; t < ROWS * PH * WIDE; t += WORKGROUP) {
    let r = t / WIDE;
    let row = first_row + r / PH;
    let source = source_of(row, i32(row % OH) * 2 - {{PAD_Y}} + i32(r % PH), begin + i32(t % WIDE));
    var word = 0u;
    if (source >= 0) { word = bitcast<u32>(x[source]); }
    memory[t] = word;
  }
@end
}
