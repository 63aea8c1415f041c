// The way back of recurrence.wgsl: from the last step to the first, what moves with the states of each step. What is not linear is
// told by slopes, which ops/recurrence.ts has computed for all steps at once. Units are counted in groups of WIDTH.
//
// g: [batch, steps, STATES units], the upstream gradient. rt: [GATES units, units], the recurrent kernel transposed.
// slopes: [batch, steps, SLOPES units]: for each gate, how its sum moves h, of an LSTM's first three gates c; then of an LSTM how h moves
// with c, and how c does with c of the step before; last (SKIPS: a GRU, or a mask) how h moves with h of the step before directly.
// factors (DROPPED): [batch, units], by which h was multiplied before it was by r.
// The result [batch, steps, STATES units] has the whole gradient to h of every step and, behind it, to an LSTM's c.
//
// Work is split as forward: `state` has the gradients to the gates' sums, then what the step after sends to h, then to c.
// After recurrence_state.wgsl.
// uniforms: batch, steps, units, examples: EXAMPLES as a number that no driver knows, where a loop written out would compile slowly

@main
  let thread = local_invocation_index;
  let units = params.units;
  let first = workgroup_index * {{EXAMPLES}}u;
@if SHARED
  let base = 0u;
@else
  let base = workgroup_index * {{STATE}}u / {{WIDTH}}u;
@end
  let hidden = base + {{GATES}}u * {{EXAMPLES}}u * units;
@if LSTM
  let cells = hidden + {{EXAMPLES}}u * units;
@end
  for (var u = thread; u < units; u += {{THREADS}}u) {
    for (var e = 0u; e < params.examples; e++) {
      keep(hidden + e * units + u, V());
@if LSTM
      keep(cells + e * units + u, V());
@end
    }
  }
  for (var turn = params.steps; turn > 0u; turn--) {
    let step = turn - 1u;
    for (var u = thread; u < units; u += {{THREADS}}u) {
      for (var e = 0u; e < params.examples; e++) {
        let place = min(first + e, params.batch - 1u) * params.steps + step;
        let slope = place * {{SLOPES}}u * units + u;
        let sums = base + e * {{GATES}}u * units + u;
        let dh = g[place * {{STATES}}u * units + u] + kept(hidden + e * units + u);
@if LSTM
        let dc = g[(place * 2u + 1u) * units + u] + kept(cells + e * units + u) + dh * slopes[slope + 4u * units];
        keep(cells + e * units + u, dc * slopes[slope + 5u * units]);
        keep(sums, dc * slopes[slope]);
        keep(sums + units, dc * slopes[slope + units]);
        keep(sums + 2u * units, dc * slopes[slope + 2u * units]);
        keep(sums + 3u * units, dh * slopes[slope + 3u * units]);
@else
@for g in 0..GATES
        keep(sums + ${g}u * units, dh * slopes[slope + ${g}u * units]);
@end
@end
@if SKIPS
        keep(hidden + e * units + u, dh * slopes[slope + {{SLOPES}}u * units - units]);
@end
        if (first + e < params.batch) {
          store(place * {{STATES}}u * units + u, dh);
@if LSTM
          store((place * 2u + 1u) * units + u, dc);
@end
        }
      }
    }
    {{BARRIER}}
    for (var u = thread; u < units; u += {{THREADS}}u) {
@for e in 0..EXAMPLES
      var sum${e} = V();
@end
      for (var several = 0u; several < {{GATES}}u * units * {{WIDTH}}u; several += {{AHEAD}}u) {
@for j in 0..AHEAD
       {
        let k = several + ${j}u;
@for e in 0..EXAMPLES
        let d${e} = state[(base + ${e}u * {{GATES}}u * units) * {{WIDTH}}u + k];
@end
        let r = rt[k * units + u];
@for e in 0..EXAMPLES
        sum${e} += d${e} * r;
@end
       }
@end
      }
@for e in 0..EXAMPLES
@if DROPPED
      sum${e} *= factors[min(first + ${e}u, params.batch - 1u) * units + u];
@end
@if SKIPS
      keep(hidden + ${e}u * units + u, kept(hidden + ${e}u * units + u) + sum${e});
@else
      keep(hidden + ${e}u * units + u, sum${e});
@end
@end
    }
    {{BARRIER}}
  }
@end
