// A fused group of elementwise operations and views that hangs on no other kernel.
//
// One thread computes one `V` (four neighbours where the size allows) of every output of the group: `store(i)`, written
// by the planner, reads the inputs, evaluates the chain and stores.

@main
  let i = global_invocation_index;
  if (i < params.count) { store(i); }
@end
