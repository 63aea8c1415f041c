// Reduces a tensor seen as [outer, extent, inner] over `extent`, in chunks: result [outer, chunks, inner].
//
// One thread combines one chunk for one `V` of the inner dimension, in order: the result is the same in every run. The
// first pass takes its input through load(i) (the fused prologue); a second pass over the chunks' results reads `input`.
// uniforms: results = outer * chunks * columns, columns = inner in units of V, extent, chunk, chunks; no chunk is empty

fn combine(a: V, b: V) -> V { return {{COMBINE}}; }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let result = (group.y * groups.x + group.x) * 64u + thread;
  if (result >= params.results) { return; }
  let column = result % params.columns;
  let outer = result / params.columns / params.chunks;
  let begin = (result / params.columns % params.chunks) * params.chunk;
  let end = min(begin + params.chunk, params.extent);
  let base = outer * params.extent;
@if FROM_MEMORY
  var total = input[(base + begin) * params.columns + column];
  for (var r = begin + 1u; r < end; r++) { total = combine(total, input[(base + r) * params.columns + column]); }
@else
  var total = load((base + begin) * params.columns + column);
  for (var r = begin + 1u; r < end; r++) { total = combine(total, load((base + r) * params.columns + column)); }
@end
@if TO_MEMORY
  partial[result] = total;
@else
  store(result, total);
@end
}
