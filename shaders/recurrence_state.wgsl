// What a workgroup of recurrence.wgsl and recurrence_gradient.wgsl remembers from step to step: `state`, STATE floats in workgroup memory
// (SHARED), or a scratch binding of that name. It is read and written a group of WIDTH units at a time (FOUR: vec4f).

@if SHARED
var<workgroup> state: array<f32, {{STATE}}>;
@end

fn kept(at: u32) -> V {
@if FOUR
  return vec4f(state[4u * at], state[4u * at + 1u], state[4u * at + 2u], state[4u * at + 3u]);
@else
  return state[at];
@end
}

fn keep(at: u32, value: V) {
@if FOUR
@for c in 0..4
  state[4u * at + ${c}u] = value[${c}];
@end
@else
  state[at] = value;
@end
}
