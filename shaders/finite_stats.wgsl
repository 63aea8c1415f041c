// Looks at every element of a tensor by its bits: how many are NaN, how many infinite, and the smallest and largest of the
// others. Result: four words, the last two as ranks: words that rise with the float that they stand for.
//
// First kernel: one thread looks at every threads-th element. Last kernel: one thread puts the parts together. Of a small
// tensor, the first kernel's one thread looks at everything, and is the last.
// uniforms: size, threads

const NOTHING = vec4u(0u, 0u, 0xffffffffu, 0u);

fn combine(a: vec4u, b: vec4u) -> vec4u { return vec4u(a.xy + b.xy, min(a.z, b.z), max(a.w, b.w)); }

@if LAST
@main
  var all_ = NOTHING;
  for (var part = 0u; part < params.threads; part++) { all_ = combine(all_, parts[part]); }
  for (var word = 0u; word < 4u; word++) { store(word, bitcast<i32>(all_[word])); }
@end
@else
// Negative floats rise as their bits fall.
fn rank(bits: u32) -> u32 { return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u); }

fn look(bits: u32) -> vec4u {
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return vec4u(1u, 0u, NOTHING.zw); }
  if (magnitude == 0x7f800000u) { return vec4u(0u, 1u, NOTHING.zw); }
  return vec4u(0u, 0u, rank(bits), rank(bits));
}

@main
  let thread = global_invocation_index;
  if (thread >= params.threads) { return; }
  var mine = NOTHING;
  for (var i = thread; i < params.size; i += params.threads) { mine = combine(mine, look(bitcast<u32>(x[i]))); }
  @if ALONE
  for (var word = 0u; word < 4u; word++) { store(word, bitcast<i32>(mine[word])); }
  @else
  parts[thread] = mine;
  @end
@end
@end
