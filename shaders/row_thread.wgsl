// Before softmax.wgsl and softmax_cross_entropy.wgsl, which go along the rows of x [rows, columns]: a row by one thread.

const LANES = 1u;

fn value(i: u32) -> f32 { return x[i]; }
fn put(i: u32, result: f32) { store(i, result); }
fn row_maximum(own: f32, thread: u32, place: u32, reach: u32) -> f32 { return own; }
fn row_sum(own: f32, thread: u32, place: u32, reach: u32) -> f32 { return own; }
