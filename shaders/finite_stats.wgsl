// Looks at every element of a tensor by its bits: four words, of finite_look.wgsl, which comes before.
//
// First kernel: one thread looks at every threads-th element. Last kernel: one thread puts the parts together. Of a small
// tensor, the first kernel's one thread looks at everything, and is the last. On a GPU reduce_tile.wgsl does all this.
// uniforms: size, threads

@if LAST
@main
  var all_ = NOTHING;
  for (var part = 0u; part < params.threads; part++) { all_ = both(all_, parts[part]); }
  for (var word = 0u; word < 4u; word++) { store(word, bitcast<i32>(all_[word])); }
@end
@else
@main
  let thread = global_invocation_index;
  if (thread >= params.threads) { return; }
  var mine = NOTHING;
  for (var i = thread; i < params.size; i += params.threads) { mine = both(mine, look(bitcast<u32>(x[i]))); }
  @if ALONE
  for (var word = 0u; word < 4u; word++) { store(word, bitcast<i32>(mine[word])); }
  @else
  parts[thread] = mine;
  @end
@end
@end
