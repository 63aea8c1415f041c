// What a thread of row_lanes.wgsl knows at its beginning.

let given = workgroup_index * ROWS + thread / LANES;
let busy = given < params.rows;
let row = min(given, params.rows - 1u);
let base = row * params.columns;
let lane = lane_of(thread, base);
