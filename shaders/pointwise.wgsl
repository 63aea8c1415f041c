// A fused group of elementwise operations and views that hangs on no other kernel.
//
// One thread computes one `V` (four neighbours where the size allows) of every output of the group: `store(i)`, written
// by the planner, reads the inputs, evaluates the chain and stores.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + thread;
  if (i < params.count) { store(i); }
}
