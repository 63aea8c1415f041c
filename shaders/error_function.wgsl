// The error function, 2/√π ∫ e^-t² dt from 0 to x, to one unit in the last place or two: its Taylor series near 0, beyond it 1 less
// twice the normal distribution's share. After functions.wgsl.

fn error_function(x: V) -> V {
  let z = x * x;
  let near = x + x * (V(0.12837916709551256) + z * (V(-0.37612638903183754) + z * (V(0.11283791670955126) + z * (
    V(-0.026866170645131252) + z * (V(0.005223977625442188) + z * (V(-0.0008548327023450852) + z * (
    V(0.00012055332981789664) + z * (V(-0.00001492565035840625) + z * (V(0.0000016462114365889246) + z * (
    V(-1.6365844691234924e-7) + z * V(1.4807192815879218e-8)))))))))));
  let far = V(1.0) - V(2.0) * normal_cdf(V(-1.4142135623730951) * abs(x));
  let signed_ = bitcast<V>(bitcast<U>(far) | (bitcast<U>(x) & U(0x80000000u)));
  return select(select(signed_, near, abs(x) < V(0.9)), x, is_nan(x));
}
