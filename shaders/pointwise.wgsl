// A fused group of elementwise operations and views that hangs on no other kernel.
//
// One thread computes one `V` (four neighbours where the size allows) of every output of the group: `store(i)`, written
// by the planner, reads the inputs, evaluates the chain and stores. In BLOCKS it takes every 64th of its workgroup's block, and `keep(i)`
// reads what is the same for all of them.
// uniforms: count; in BLOCKS: block (of a workgroup, a multiple of 64)

@main
@if BLOCKS
  let begin = workgroup_index * params.block;
  let end = min(begin + params.block, params.count);
  keep(begin + local_invocation_index);
  for (var i = begin + local_invocation_index; i < end; i += 64u) { store(i); }
@else
  let i = global_invocation_index;
  if (i < params.count) { store(i); }
@end
@end
