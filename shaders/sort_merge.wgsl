// A pass of a stable merge sort of the rows of [rows, columns]: it finds for each element the place among those that it is merged
// with, and writes there which element of the row it is. The first pass sorts blocks of `width` by counting; each later one merges
// neighbouring runs of `width`, by a binary search in the other run. A thread an element.
// Keys rise with the values, or fall (DESCENDING); a NaN's is the last, with NAN_FIRST the first.
// uniforms: size, columns, width

fn key(at: u32) -> u32 {
@if INTEGERS
  let rank = bitcast<u32>(x[at]) ^ 0x80000000u;
@if DESCENDING
  return ~rank;
@else
  return rank;
@end
@else
  let value = x[at];
  let bits = bitcast<u32>(value);
@if NAN_FIRST
  if (is_nan(value)) { return 0u; }
@else
  if (is_nan(value)) { return 0xffffffffu; }
@end
  // -0 is 0.
  let rank = select(bits | 0x80000000u, select(~bits, 0x80000000u, bits == 0x80000000u), (bits & 0x80000000u) != 0u);
@if DESCENDING
  return ~rank;
@else
  return rank;
@end
@end
}

@main
  let i = global_invocation_index;
  if (i >= params.size) { return; }
  let base = i / params.columns * params.columns;
  let p = i - base;
@if FIRST
  let element = p;
  let begin = p / params.width * params.width;
  let own = key(base + p);
  var place = begin;
  for (var j = begin; j < min(begin + params.width, params.columns); j++) {
    let other = key(base + j);
    if (other < own || (other == own && j < p)) { place++; }
  }
@else
  let element = order[i];
  let own = key(base + element);
  let run = p / params.width;
  let after = run % 2u;
  var low = min((run + 1u - 2u * after) * params.width, params.columns);
  let begin = low;
  var high = min(begin + params.width, params.columns);
  // Those of the other run that come before: of equal ones, those of the first run.
  while (low < high) {
    let middle = (low + high) / 2u;
    let other = key(base + order[base + middle]);
    if (other < own || (other == own && after == 1u)) { low = middle + 1u; } else { high = middle; }
  }
  let place = (run - after) * params.width + (p - run * params.width) + (low - begin);
@end
@if LAST
  store(base + place, i32(element));
@else
  next[base + place] = element;
@end
@end
