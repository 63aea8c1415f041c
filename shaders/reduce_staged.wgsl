// Reduces a tensor seen as [outer, extent, columns] on a GPU where `extent` times `columns` is small: result [outer, columns].
// After reduce_values.wgsl and of_thread.wgsl.
//
// A workgroup reads `rows` whole [extent, columns] as they lie side by side into its own memory, from the beginning of a line
// of 128 bytes on, `pitch` apart, an odd number so that they do not meet in one bank. Then `lanes` threads, a power of two,
// combine a result's values, of which each takes every lanes-th, and are combined in pairs.
// uniforms: outer, extent, columns, rows, pitch, lanes

var<workgroup> staged: array<N, {{PLACES}}>;

@main
  let thread = local_invocation_index;
@if SUBGROUPS
  let place = subgroup_invocation_id;
  let reach = subgroup_size;
@else
  let place = 0u;
  let reach = 0u;
@end
  let first = min(workgroup_index * params.rows, params.outer);
  let rows = min(params.rows, params.outer - first);
  let size = params.extent * params.columns;
  let skew = first * size % 32u;
  for (var slot = thread; slot < rows * size + skew; slot += 64u) {
    if (slot >= skew) {
      let at = slot - skew;
      staged[at / size * params.pitch + at % size] = value(first * size + at, at / params.columns % params.extent);
    }
  }
  workgroupBarrier();
  let lane = thread % params.lanes;
  let own = thread / params.lanes;
  let busy = own < rows * params.columns && lane < params.extent;
  let base = own / params.columns * params.pitch + own % params.columns;
  var total = N();
  if (busy) {
    total = staged[base + lane * params.columns];
    for (var r = lane + params.lanes; r < params.extent; r += params.lanes) {
      total = combine(total, staged[base + r * params.columns]);
    }
  }
  for (var span = 1u; span < params.lanes; span *= 2u) {
    let other = of_thread(total, thread, thread + span, place, 2u * span <= reach);
    if (lane % (2u * span) == 0u && lane + span < params.extent) { total = combine(total, other); }
  }
  if (busy && lane == 0u) {
    let result = first * params.columns + own;
    {{RESULT}}
  }
@end
