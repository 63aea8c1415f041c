// Stores what the kernels before have left in `partial`, through the fused epilogue. A text of its own, because theirs are long, and so the same
// whatever follows them.
//
// A thread takes every 64th vec4f of its workgroup's block. uniforms: count (vec4fs), block (of a workgroup, a multiple of 64)

@main
  let begin = workgroup_index * params.block;
  let end = min(begin + params.block, params.count);
  keep(begin + local_invocation_index);
  for (var i = begin + local_invocation_index; i < end; i += 64u) { store(i, partial[i]); }
@end
