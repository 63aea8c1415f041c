// What a thread of row_thread.wgsl knows at its beginning; see row_lanes.wgsl for the names.

let row = global_invocation_index;
if (row >= params.rows) { return; }
let base = row * params.columns;
const thread = 0u;
const place = 0u;
const reach = 0u;
const lane = 0u;
const busy = true;
