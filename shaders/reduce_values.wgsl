// What reduce_tile.wgsl and reduce_staged.wgsl reduce. `i` is a value's place in memory, `r` its place along the extent.

alias N = {{NUMBER}};

fn combine(a: N, b: N) -> N { return {{COMBINE}}; }

fn value(i: u32, r: u32) -> N { return {{VALUE}}; }
