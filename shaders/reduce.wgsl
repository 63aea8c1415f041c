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

@main
  let result = global_invocation_index;
  if (result >= params.results) { return; }
  let column = result % params.columns;
  let outer = result / params.columns / params.chunks;
  let begin = (result / params.columns % params.chunks) * params.chunk;
  let end = min(begin + params.chunk, params.extent);
  let base = outer * params.extent;
  // Values into blocks, as many blocks into one of the next size. The value stands in the text once, and each loop's first one is
  // chosen: on the CPU a copy of a load is a tenth of a second of compile time.
  var total: N;
@if !FROM_MEMORY
  keep(base * params.columns + column);
@end
  for (var most = begin; most < end; most += BLOCK * BLOCK) {
    var middle: N;
    for (var least = most; least < min(most + BLOCK * BLOCK, end); least += BLOCK) {
      var sum: N;
      for (var r = least; r < min(least + BLOCK, end); r++) {
        let next = value((base + r) * params.columns + column);
        sum = select(combine(sum, next), next, r == least);
      }
      middle = select(combine(middle, sum), sum, least == most);
    }
    total = select(combine(total, middle), middle, most == begin);
  }
@if TO_MEMORY
  partial[result] = total;
@else
  store(result, total);
@end
@end
