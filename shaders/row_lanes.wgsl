// As row_thread.wgsl on a GPU: a row by LANES neighbouring threads, a power of two, of which each takes every LANES-th value. What
// they found is combined in pairs, and all of them know the result; its order depends on the number of columns alone. STAGED:
// a workgroup reads its rows as they lie in memory into its own, `pitch` apart, an odd number so that they do not meet in one
// bank, and writes them from there. TURNED, for long rows that begin within a line of 128 bytes: the row's threads begin with the
// line, and those before the row have the lanes at the end; so they read and write whole lines, while each lane's values and the
// order of sums stay the same.
// `thread`: its number in the workgroup; `place`: its place in the subgroup; `reach`: threads that a shuffle reaches; `lane`:
// its number in the row; `base`: where value(i) begins; `busy`: whether there is such a row.

const LANES = {{LANES}}u;
const THREADS = {{THREADS}}u;
const ROWS = THREADS / LANES;

@if TURNED
// The thread whose lane is this one's number.
var<private> bearer: u32;

fn lane_of(thread: u32, base: u32) -> u32 {
  let skew = base % 32u;
  bearer = thread / LANES * LANES + (thread + skew) % LANES;
  return (thread - skew) % LANES;
}
@else
fn lane_of(thread: u32, base: u32) -> u32 { return thread % LANES; }
@end

@if STAGED
var<workgroup> staged: array<f32, {{PLACES}}>;

fn value(i: u32) -> f32 { return staged[i]; }
fn put(i: u32, result: f32) { staged[i] = result; }
@else
fn value(i: u32) -> f32 { return x[i]; }
fn put(i: u32, result: f32) { store(i, result); }
@end

fn row_maximum(own: f32, thread: u32, place: u32, reach: u32) -> f32 {
  var top = own;
  for (var span = 1u; span < LANES; span *= 2u) {
    top = maximum(top, of_thread(top, thread, thread ^ span, place, 2u * span <= reach));
  }
  return top;
}

fn row_sum(own: f32, thread: u32, place: u32, reach: u32) -> f32 {
@if TURNED
  var sum = of_thread(own, thread, bearer, place, false);
@else
  var sum = own;
@end
  for (var span = 1u; span < LANES; span *= 2u) {
    sum += of_thread(sum, thread, thread ^ span, place, 2u * span <= reach);
  }
  return sum;
}
