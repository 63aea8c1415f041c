// As row_lanes_enter.wgsl where rows are staged, read from the beginning of a line of 128 bytes on.

let first = min(workgroup_index * ROWS, params.rows);
let held = min(ROWS, params.rows - first) * params.columns;
let pitch = params.columns | 1u;
let skew = first * params.columns % 32u;
for (var slot = thread; slot < held + skew; slot += THREADS) {
  let at = slot - skew;
  if (slot >= skew) { staged[at / params.columns * pitch + at % params.columns] = x[first * params.columns + at]; }
}
workgroupBarrier();
let busy = first + thread / LANES < params.rows;
let row = min(first + thread / LANES, params.rows - 1u);
let base = thread / LANES * pitch;
let lane = lane_of(thread, base);
