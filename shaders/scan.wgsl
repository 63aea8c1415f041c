// Running sums along the middle of [outer, extent, inner]. The extent is cut into chunks, a thread each for every column: a first
// kernel (TOTALS) adds each chunk up, a second one adds the chunks before its own and then goes along its own; one chunk needs one.
// REVERSE counts from the end; EXCLUSIVE leaves out an element's own value.
// uniforms: threads = outer * chunks * inner, extent, inner, chunk, chunks

fn place(r: u32) -> u32 {
@if REVERSE
  return params.extent - 1u - r;
@else
  return r;
@end
}

@main
  let thread = global_invocation_index;
  if (thread >= params.threads) { return; }
  let column = thread % params.inner;
  let part = thread / params.inner % params.chunks;
  let outer = thread / params.inner / params.chunks;
  let end = min((part + 1u) * params.chunk, params.extent);
  let base = outer * params.extent * params.inner + column;
  var total = {{NUMBER}}();
@if TOTALS
  for (var r = part * params.chunk; r < end; r++) { total += x[base + place(r) * params.inner]; }
  totals[thread] = total;
@else
@if PARTS
  for (var c = 0u; c < part; c++) { total += totals[(outer * params.chunks + c) * params.inner + column]; }
@end
  for (var r = part * params.chunk; r < end; r++) {
    let at = base + place(r) * params.inner;
    let value = x[at];
@if EXCLUSIVE
    store(at, total);
    total += value;
@else
    total += value;
    store(at, total);
@end
  }
@end
@end
