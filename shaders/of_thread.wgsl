// The value that another thread of the workgroup has: by a shuffle where both belong to one subgroup (`near`, alike for all
// threads), else through workgroup memory. All threads of the workgroup call it together. The threads of a workgroup fill its
// subgroups in order, so `lane`, the own place in the subgroup, is as far from the other's place as `own` is from `other`.

var<workgroup> exchanged: array<N, {{THREADS}}>;

fn of_thread(value: N, own: u32, other: u32, lane: u32, near: bool) -> N {
@if SUBGROUPS
  if (near) { return subgroupShuffle(value, lane + other - own); }
@end
  exchanged[own] = value;
  workgroupBarrier();
  // Whoever asks for a thread past the last one leaves out what it gets.
  let found = exchanged[min(other, {{THREADS}}u - 1u)];
  workgroupBarrier();
  return found;
}
