// What `put` has left in the workgroup's memory, written as it was read.

workgroupBarrier();
for (var slot = thread; slot < held + skew; slot += THREADS) {
  let at = slot - skew;
  if (slot >= skew) { store(first * params.columns + at, staged[at / params.columns * pitch + at % params.columns]); }
}
