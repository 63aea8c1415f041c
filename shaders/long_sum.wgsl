// A sum of many terms, one after the other. LONG: in three levels, since a single total grows so large that what is added late
// is rounded away. `at` counts the terms from 0.

@if LONG
alias Sum = array<V, 3>;

fn add_term(sum: ptr<function, Sum>, at: u32, term: V) {
  (*sum)[0] += term;
  if ((at & 63u) != 63u) { return; }
  (*sum)[1] += (*sum)[0];
  (*sum)[0] = V();
  if ((at & 4095u) != 4095u) { return; }
  (*sum)[2] += (*sum)[1];
  (*sum)[1] = V();
}

fn total_of(sum: Sum) -> V { return sum[2] + (sum[1] + sum[0]); }
@else
alias Sum = V;
fn add_term(sum: ptr<function, Sum>, at: u32, term: V) { *sum += term; }
fn total_of(sum: Sum) -> V { return sum; }
@end

