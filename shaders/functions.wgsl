// Elementwise functions for fused kernels. `V` is f32 or vec4f and `U` the unsigned words of the same width; the planner
// puts the aliases in front.
//
// WGSL lets a compiler assume that NaN and infinity never happen: comparisons with them may be folded, and max(x, 0) may
// swallow a NaN. So NaN is found by its bits, and every function passes it on.

// A value whose exponent bits are all ones and whose fraction is not zero.
fn is_nan(x: V) -> B { return (bitcast<U>(x) & U(0x7fffffffu)) > U(0x7f800000u); }

// Neither NaN nor infinite.
fn is_finite(x: V) -> B { return (bitcast<U>(x) & U(0x7f800000u)) != U(0x7f800000u); }

fn unpack_bytes(word: u32) -> vec4f {
  return vec4f((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u));
}

fn pack_bytes(bytes: vec4f) -> u32 { return dot(vec4u(bytes), vec4u(0x1u, 0x100u, 0x10000u, 0x1000000u)); }

fn maximum(a: V, b: V) -> V { return select(select(max(a, b), b, is_nan(b)), a, is_nan(a)); }
fn minimum(a: V, b: V) -> V { return select(select(min(a, b), b, is_nan(b)), a, is_nan(a)); }
fn clip(x: V, low: V, high: V) -> V { return select(min(max(x, low), high), x, is_nan(x)); }
fn sign_of(x: V) -> V { return select(sign(x), x, is_nan(x)); }
fn equal(a: V, b: V) -> V { return select(V(0.0), V(1.0), (a == b) & !is_nan(a) & !is_nan(b)); }
fn greater(a: V, b: V) -> V { return select(V(0.0), V(1.0), (a > b) & !is_nan(a) & !is_nan(b)); }

fn relu(x: V) -> V { return select(max(x, V(0.0)), x, is_nan(x)); }
fn leaky_relu(x: V, slope: V) -> V { return select(x * slope, x, x > V(0.0)); }

// The upstream gradient where `gate` (a ReLU's result) is positive; a NaN gate lets it through, to be seen.
fn relu_gradient(upstream: V, gate: V) -> V { return select(V(0.0), upstream, (gate > V(0.0)) | is_nan(gate)); }

// WGSL leaves the square root of a negative number open.
fn square_root(x: V) -> V { return select(sqrt(x), bitcast<V>(bitcast<U>(x) | U(0x7fc00000u)), x < V(0.0)); }

// Built-in exp and log lose NaN on some drivers (SwiftShader), and log gives a number for 0 and for negative ones. NaN and
// infinity are made at run time: WGSL refuses constant ones.
fn exponential(x: V) -> V { return select(exp(x), x, is_nan(x)); }
fn logarithm(x: V) -> V {
  let nan = bitcast<V>(bitcast<U>(x) | U(0x7fc00000u));
  let minus_infinity = bitcast<V>(bitcast<U>(x) | U(0xff800000u));
  return select(select(select(log(x), minus_infinity, x == V(0.0)), nan, x < V(0.0)), x, is_nan(x));
}

// e^x - 1 without cancellation near 0: a Taylor polynomial where |x| < 1/4, else the difference.
fn expm1(x: V) -> V {
  let series = x * (V(1.0) + x * (V(0.5) + x * (V(1.0 / 6.0) + x * (V(1.0 / 24.0) + x * (V(1.0 / 120.0) + x * V(1.0 / 720.0))))));
  return select(exp(x) - V(1.0), series, abs(x) < V(0.25));
}

// ln(1 + x) for x >= 0 without cancellation near 0 (Goldberg 1991, theorem 4, needs a division; a series does here).
fn log1p(x: V) -> V {
  let t = x / (V(2.0) + x);
  let t2 = t * t;
  let series = V(2.0) * t * (V(1.0) + t2 * (V(1.0 / 3.0) + t2 * (V(1.0 / 5.0) + t2 * (V(1.0 / 7.0) + t2 * V(1.0 / 9.0)))));
  return select(log(V(1.0) + x), series, x < V(0.5));
}

fn elu(x: V, alpha: V) -> V { return select(alpha * expm1(min(x, V(0.0))), x, (x > V(0.0)) | is_nan(x)); }

// Both branches stay finite: e^-|x| never overflows.
fn sigmoid(x: V) -> V {
  let z = exp(-abs(x));
  return select(select(z, V(1.0), x >= V(0.0)) / (V(1.0) + z), x, is_nan(x));
}

fn softplus(x: V) -> V { return select(max(x, V(0.0)) + log1p(exp(-abs(x))), x, is_nan(x)); }

// Built-in tanh overflows for large x on some drivers, and loses digits near 0.
fn hyperbolic_tangent(x: V) -> V {
  let e = expm1(V(-2.0) * min(abs(x), V(20.0)));
  let t = -e / (e + V(2.0));
  return select(select(t, -t, x < V(0.0)), x, is_nan(x));
}

// Error function. |x| < 1: its Maclaurin series to x^21; beyond: 1 - erfc by W. J. Cody's kind of rational fit
// (Numerical Recipes, 3rd edition, section 6.2.2: Chebyshev fit of erfc, relative error below 1.2e-7).
fn erf(x: V) -> V {
  let z = abs(x);
  let s = x * x;
  let near = x * (V(1.1283791670955126) + s * (V(-0.37612638903183754) + s * (V(0.11283791670955126)
    + s * (V(-0.026866170645131252) + s * (V(0.005223977625442188) + s * (V(-0.0008548327023450853)
    + s * (V(0.00012055332981789664) + s * (V(-0.000014925650358406252) + s * (V(0.0000016462114365889246)
    + s * (V(-1.6365844691234924e-7) + s * V(1.4807192815879218e-8)))))))))));
  let t = V(1.0) / (V(1.0) + V(0.5) * z);
  let far = t * exp(-z * z + V(-1.26551223) + t * (V(1.00002368) + t * (V(0.37409196) + t * (V(0.09678418)
    + t * (V(-0.18628806) + t * (V(0.27886807) + t * (V(-1.13520398) + t * (V(1.48851587) + t * (V(-0.82215223)
    + t * V(0.17087277))))))))));
  let tail = select(V(1.0) - far, far - V(1.0), x < V(0.0));
  return select(select(tail, near, z < V(1.0)), x, is_nan(x));
}

// The normal distribution's share below x.
fn normal_cdf(x: V) -> V { return V(0.5) * (V(1.0) + erf(x * V(0.70710678118654752))); }

// |x|^y is defined for negative x only where y is whole; then the sign is that of x for odd y.
fn power(x: V, y: V) -> V {
  let magnitude = pow(abs(x), y);
  let whole = floor(y) == y;
  let odd = whole & (abs(y - V(2.0) * floor(y * V(0.5))) == V(1.0));
  let signed_ = select(magnitude, -magnitude, odd & (x < V(0.0)));
  let nan = bitcast<V>(bitcast<U>(x) | U(0x7fc00000u));
  let known = select(signed_, nan, (x < V(0.0)) & !whole);
  return select(select(known, x + y, is_nan(x) | is_nan(y)), V(1.0), y == V(0.0));
}
