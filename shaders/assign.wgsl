// Copies a value into a variable's memory. One thread a vec4f; both buffers are whole vec4s. uniforms: count
//
// WATCHED: not in a step that is not finite; for the words of health see accumulate.wgsl.

@if WATCHED
const FIRST = 0u;
const LATEST = 1u;
const RELEASED = 2u;
@end

@main
@if WATCHED
  let bad = atomicLoad(&health[LATEST]) == step.step + 1u;
  let held = atomicLoad(&health[FIRST]) < step.step && atomicLoad(&health[RELEASED]) == 0u;
  if (bad || held) { return; }
@end
  let i = global_invocation_index;
  if (i < params.count) { target_[i] = value[i]; }
@end
