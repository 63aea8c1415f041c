// The recurrence of an LSTM (Hochreiter and Schmidhuber 1997), a GRU (Cho et al. 2014, the reset gate applied after the product) or a
// simple cell, over all steps of a sequence in one kernel. Units are counted in groups of WIDTH.
//
// x: [batch, steps, GATES units], what the inputs give to each gate. r: [units, GATES units], and b: [GATES units], what the
// hidden state h of the step before gives: h r + b. initial (INITIAL, else 0): [batch, STATES units]. mask (MASKED): [batch, steps], 0
// where a step is left out and the states stay. factors (DROPPED): [batch, units], by which h is multiplied before it is by r.
// The result [batch, steps, STATES units] has h of every step and, behind it, an LSTM's cell states c.
//
// A workgroup takes EXAMPLES examples through all steps, a thread every THREADS-th unit with all its gates; so c stays with its thread,
// and h is what threads tell each other: `state` has h before and after a step, in turns, then c; in workgroup memory (SHARED) where it
// fits. An example past the last is computed as the last one, and not stored.
// Weights of AHEAD numbers of h are asked for before the first of them has come.
// After recurrence_state.wgsl.
// uniforms: batch, steps, units, examples: EXAMPLES as a number that no driver knows, where a loop written out would compile slowly

fn activation(x: V) -> V { return {{ACTIVATION}}; }
@if GATED
fn gate(x: V) -> V { return {{GATE}}; }
@end

@main
  let thread = local_invocation_index;
  let units = params.units;
  let first = workgroup_index * {{EXAMPLES}}u;
@if SHARED
  let base = 0u;
@else
  let base = workgroup_index * {{STATE}}u / {{WIDTH}}u;
@end
  let cells = base + 2u * {{EXAMPLES}}u * units;
  var sums: array<V, {{SUMS}}>;
  for (var u = thread; u < units; u += {{THREADS}}u) {
    for (var e = 0u; e < params.examples; e++) {
@if INITIAL
      let row = min(first + e, params.batch - 1u) * {{STATES}}u;
      keep(base + e * units + u, initial[row * units + u]);
@if LSTM
      keep(cells + e * units + u, initial[(row + 1u) * units + u]);
@end
@else
      keep(base + e * units + u, V());
@if LSTM
      keep(cells + e * units + u, V());
@end
@end
    }
  }
  {{BARRIER}}
  for (var step = 0u; step < params.steps; step++) {
    let now = base + (step % 2u) * {{EXAMPLES}}u * units;
    let next = base + (1u - step % 2u) * {{EXAMPLES}}u * units;
    for (var u = thread; u < units; u += {{THREADS}}u) {
@for g in 0..GATES
      let b${g} = b[${g}u * units + u];
@for e in 0..EXAMPLES
      var sum${g}_${e} = b${g};
@end
@end
      for (var several = 0u; several < units * {{WIDTH}}u; several += {{AHEAD}}u) {
@for j in 0..AHEAD
       {
        let k = several + ${j}u;
@for e in 0..EXAMPLES
@if DROPPED
        let h${e} = state[(now + ${e}u * units) * {{WIDTH}}u + k] * factors[min(first + ${e}u, params.batch - 1u) * units * {{WIDTH}}u + k];
@else
        let h${e} = state[(now + ${e}u * units) * {{WIDTH}}u + k];
@end
@end
@for g in 0..GATES
        let r${g} = r[(k * {{GATES}}u + ${g}u) * units + u];
@end
@for g in 0..GATES
@for e in 0..EXAMPLES
        sum${g}_${e} += h${e} * r${g};
@end
@end
       }
@end
      }
@for g in 0..GATES
@for e in 0..EXAMPLES
      sums[${g}u * {{EXAMPLES}}u + ${e}u] = sum${g}_${e};
@end
@end
      for (var e = 0u; e < params.examples; e++) {
        let place = min(first + e, params.batch - 1u) * params.steps + step;
@for g in 0..GATES
        let x${g} = x[(place * {{GATES}}u + ${g}u) * units + u];
        let s${g} = sums[${g}u * {{EXAMPLES}}u + e];
@end
@if LSTM
        var c = gate(x1 + s1) * kept(cells + e * units + u) + gate(x0 + s0) * activation(x2 + s2);
        var h = gate(x3 + s3) * activation(c);
@else
@if GATED
        let share = gate(x0 + s0);
        var h = share * kept(now + e * units + u) + (V(1.0) - share) * activation(x2 + gate(x1 + s1) * s2);
@else
        var h = activation(x0 + s0);
@end
@end
@if MASKED
        if (mask[place] == 0.0) {
          h = kept(now + e * units + u);
@if LSTM
          c = kept(cells + e * units + u);
@end
        }
@end
@if LSTM
        keep(cells + e * units + u, c);
@end
        keep(next + e * units + u, h);
        if (first + e < params.batch) {
          store(place * {{STATES}}u * units + u, h);
@if LSTM
          store((place * 2u + 1u) * units + u, c);
@end
        }
      }
    }
    {{BARRIER}}
  }
@end
