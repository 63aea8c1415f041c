// Copies a value into a variable's memory. One thread a vec4f; both buffers are whole vec4s. uniforms: count

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + thread;
  if (i < params.count) { target_[i] = value[i]; }
}
