// Reduces a tensor seen as [outer, extent, inner] over `extent`, in chunks: result [outer, chunks, inner].
//
// One thread combines one chunk for one `V` of the inner dimension, in order: the result is the same in every run. The
// first pass takes its input through load(i) (the fused prologue); a second pass over the chunks' results reads `input`.
// uniforms: results = outer * chunks * columns, columns = inner in units of V, extent, chunk, chunks; no chunk is empty

// Values that are combined before they meet the rest: in one long sum the late ones would be rounded away.
const BLOCK = 32u;

// What is reduced: floats, or int32 of the same width.
alias N = {{NUMBER}};

fn combine(a: N, b: N) -> N { return {{COMBINE}}; }

fn value(i: u32) -> N {
@if FROM_MEMORY
  return input[i];
@else
  return load(i);
@end
}

fn block(base: u32, column: u32, begin: u32, end: u32) -> N {
  var total = value((base + begin) * params.columns + column);
  for (var r = begin + 1u; r < min(begin + BLOCK, end); r++) {
    total = combine(total, value((base + r) * params.columns + column));
  }
  return total;
}

// As many blocks.
fn blocks(base: u32, column: u32, begin: u32, end: u32) -> N {
  var total = block(base, column, begin, end);
  for (var r = begin + BLOCK; r < min(begin + BLOCK * BLOCK, end); r += BLOCK) {
    total = combine(total, block(base, column, r, end));
  }
  return total;
}

@main
  let result = global_invocation_index;
  if (result >= params.results) { return; }
  let column = result % params.columns;
  let outer = result / params.columns / params.chunks;
  let begin = (result / params.columns % params.chunks) * params.chunk;
  let end = min(begin + params.chunk, params.extent);
  let base = outer * params.extent;
  var total = blocks(base, column, begin, end);
  for (var r = begin + BLOCK * BLOCK; r < end; r += BLOCK * BLOCK) { total = combine(total, blocks(base, column, r, end)); }
@if TO_MEMORY
  partial[result] = total;
@else
  store(result, total);
@end
@end
