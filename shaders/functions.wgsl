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

// Drivers may compute built-in exp, log and pow roughly (log to 1e-7 near 1, where it is 0; pow to one part in 1e5), lose NaN
// and flush what is smaller than 2^-126. These err by one or two units in the last place. A value is split by its bits where
// digits must not get lost: a driver may reorder plain sums.

// The upper half of the digits: products of two such halves are exact.
fn upper_half(x: V) -> V { return bitcast<V>(bitcast<U>(x) & U(0xfffff000u)); }

// 2^n for whole n from -126 to 127; 0 for n = -127.
fn power_of_two(n: V) -> V { return bitcast<V>((I(n) + I(127)) << U(23u)); }

// 2^n (1 + rest) for whole n from -180 to 180, in two steps. The one is hidden in a power of two: some drivers would move a
// constant one into the terms of the rest and round once more.
fn scaled(rest: V, n: V) -> V {
  let half = floor(n * V(0.5));
  let power = power_of_two(half);
  return (power + power * rest) * power_of_two(n - half);
}

// e^r - 1 - r for |r| < 0.4: its Taylor polynomial.
fn exp_beyond(r: V) -> V {
  return r * r * (V(0.5) + r * (V(1.0 / 6.0) + r * (V(1.0 / 24.0) + r * (V(1.0 / 120.0) + r * (V(1.0 / 720.0) + r * V(1.0 / 5040.0))))));
}

// e^(x + correction) / 2^n - 1 for the whole n next to x / ln 2; ln 2 is taken off n times in two parts.
fn exp_rest(x: V, correction: V, n: V) -> V {
  let r = fma(-n, V(1.4286068203094172e-6), fma(-n, V(0.693145751953125), x)) + correction;
  return r + exp_beyond(r);
}

fn exponential(x: V) -> V {
  let known = clamp(x, V(-110.0), V(100.0));
  let n = round(known * V(1.4426950408889634));
  return select(scaled(exp_rest(known, V(0.0), n), n), x, is_nan(x));
}

// e^(x + correction) for x <= 0 and a correction below 0.04.
fn exp_falling(x: V, correction: V) -> V {
  let known = max(x, V(-88.0));
  let n = round(known * V(1.4426950408889634));
  return (V(1.0) + exp_rest(known, correction, n)) * power_of_two(n);
}

// e^x - 1 without cancellation near 0, for x <= 0.
fn expm1(x: V) -> V {
  let known = max(x, V(-30.0));
  let n = round(known * V(1.4426950408889634));
  let power = power_of_two(n);
  return power * exp_rest(known, V(0.0), n) + (power - V(1.0));
}

// A positive number's bits; of one below 2^-126, which arithmetic may flush, those of 2^149 times it.
fn normal_bits(bits: U) -> U { return select(bits, bitcast<U>(V(bits)), bits < U(0x00800000u)); }

// bits - SQRT_HALF: the upper nine bits are e, the rest tell m, where x = 2^e m with m from sqrt(1/2) to sqrt(2).
const SQRT_HALF = 0x3f3504f3u;
fn exponent_of(bits: U) -> V {
  let e = V(bitcast<I>(normal_bits(bits) - U(SQRT_HALF)) >> U(23u));
  return e - select(V(0.0), V(149.0), bits < U(0x00800000u));
}
fn mantissa_of(bits: U) -> V {
  return bitcast<V>(((normal_bits(bits) - U(SQRT_HALF)) & U(0x007fffffu)) + U(SQRT_HALF));
}

// e ln 2 + ln m. With f = m - 1 and s = f / (2 + f), ln m = 2 artanh s = f - f²/2 + s (f²/2 + R(s²)): f stays exact.
// NaN and infinity are made at run time: WGSL refuses constant ones.
fn logarithm(x: V) -> V {
  let bits = bitcast<U>(x);
  let e = exponent_of(bits);
  let f = mantissa_of(bits) - V(1.0);
  let s = f / (V(2.0) + f);
  let z = s * s;
  let series = z * (V(2.0 / 3.0) + z * (V(2.0 / 5.0) + z * (V(2.0 / 7.0) + z * (V(2.0 / 9.0) + z * V(2.0 / 11.0)))));
  let half_square = V(0.5) * f * f;
  let finite = e * V(0.693145751953125) + (f - (half_square - (s * (half_square + series) + e * V(1.4286068203094172e-6))));
  let nan = bitcast<V>(bits | U(0x7fc00000u));
  let minus_infinity = bitcast<V>(bits | U(0xff800000u));
  let positive = select(finite, x, bits >= U(0x7f800000u));
  return select(select(positive, nan, bits > U(0x80000000u)), minus_infinity, (bits & U(0x7fffffffu)) == U(0u));
}

// ln(1 + x) for x from 0 to 1: 2 artanh(t / 2) with t = 2 x / (2 + x).
fn log1p(x: V) -> V {
  let t = x / (V(1.0) + V(0.5) * x);
  let z = V(0.25) * t * t;
  let series = z * (V(1.0 / 3.0) + z * (V(1.0 / 5.0) + z * (V(1.0 / 7.0) + z * (V(1.0 / 9.0) + z * (V(1.0 / 11.0)
    + z * (V(1.0 / 13.0) + z * V(1.0 / 15.0)))))));
  return t + t * series;
}

fn elu(x: V, alpha: V) -> V { return select(alpha * expm1(min(x, V(0.0))), x, (x > V(0.0)) | is_nan(x)); }

// Both branches stay finite: e^-|x| never overflows.
fn sigmoid(x: V) -> V {
  let z = exp_falling(-abs(x), V(0.0));
  return select(select(z, V(1.0), x >= V(0.0)) / (V(1.0) + z), x, is_nan(x));
}

fn softplus(x: V) -> V { return select(max(x, V(0.0)) + log1p(exp_falling(-abs(x), V(0.0))), x, is_nan(x)); }

// -y ln σ(z) - (1 - y) ln(1 - σ(z)); for y from 0 to 1 no term is negative, so that nothing cancels.
fn sigmoid_cross_entropy(z: V, y: V) -> V {
  let loss = max(z, V(0.0)) * (V(1.0) - y) + max(-z, V(0.0)) * y + log1p(exp_falling(-abs(z), V(0.0)));
  return select(loss, z + y, is_nan(z) | is_nan(y));
}

// Built-in tanh overflows for large x on some drivers, and loses digits near 0.
fn hyperbolic_tangent(x: V) -> V {
  let e = expm1(V(-2.0) * min(abs(x), V(20.0)));
  let t = -e / (e + V(2.0));
  return select(select(t, -t, x < V(0.0)), x, is_nan(x));
}

// e^(-x²/2); the square of x's upper half is exact, and what is missing follows as a correction.
fn exp_half_square(x: V) -> V {
  let known = min(abs(x), V(16.0));
  let upper = upper_half(known);
  return exp_falling(V(-0.5) * upper * upper, V(-0.5) * (known - upper) * (known + upper));
}

// The normal distribution's density and its share below x. The share beyond |x| is e^(-x²/2) t P(2t - 1), t = 1 / (1 + 0.34 |x|),
// P a polynomial fitted to 4e-8; for negative x it is the result itself, so that no digit is lost in a difference from 1.
fn normal_density(x: V) -> V { return select(V(0.3989422804014327) * exp_half_square(x), x, is_nan(x)); }
fn normal_cdf(x: V) -> V {
  let t = V(1.0) / (V(1.0) + V(0.34) * min(abs(x), V(16.0)));
  let u = t + t - V(1.0);
  let share = t * (V(0.24713932) + u * (V(0.17053248) + u * (V(0.0744859874) + u * (
    V(0.0134987189) + u * (V(-0.00421724468) + u * (V(-0.00211424869) + u * (
    V(0.000503806747) + u * (V(0.000272275764) + u * V(-0.000101079619)))))))));
  let beyond = share * exp_half_square(x);
  return select(select(V(1.0) - beyond, beyond, x < V(0.0)), x, is_nan(x));
}

// x^y as IEEE 754 defines it; a negative x with a fractional y is NaN. It is 2^(y log2 |x|) with log2 |x| = e + log2 m and both
// factors in two halves, since an error of the exponent is one of the result a hundred times as large: with
// s = (m - 1) / (m + 1), log2 m = 2 / (3 ln 2) s (3 + s² + 3 s⁴ (1/5 + s²/7 + …)). Whole powers that float32 holds are exact.
fn power(x: V, y: V) -> V {
  let bits = bitcast<U>(x) & U(0x7fffffffu);
  let e = exponent_of(bits);
  let m = mantissa_of(bits);
  let m_upper = upper_half(m);
  let m_lower = m - m_upper;
  let s = (m - V(1.0)) / (m + V(1.0));
  let s_upper = bitcast<V>(bitcast<U>(s) & U(0xffffc000u));
  let s_lower = (((m - V(1.0)) - s_upper * (m_upper + V(1.0))) - s_upper * m_lower) / (m + V(1.0));
  let square_upper = s_upper * s_upper;
  let z = s * s;
  let rest = s_lower * (s_upper + s) + V(3.0) * z * z * (V(1.0 / 5.0) + z * (V(1.0 / 7.0) + z * (V(1.0 / 9.0) + z * V(1.0 / 11.0))));
  let factor = upper_half(V(3.0) + (square_upper + rest));
  let factor_lower = rest - ((factor - V(3.0)) - square_upper);
  let product = s_upper * factor;
  let product_rest = s_lower * factor + s * factor_lower;
  let sum = upper_half(product + product_rest);
  let sum_lower = product_rest - (sum - product);
  let log_upper = sum * V(0.961669921875);
  let log_lower = sum_lower * V(0.9617966939259756) + sum * V(0.000126772050975604907);
  let log2 = upper_half(e + (log_upper + log_lower));
  let log2_lower = log_lower - ((log2 - e) - log_upper);

  let exponent = clamp(y, V(-4e9), V(4e9)); // what lies beyond gives 0, 1 or infinity, too
  let y_upper = upper_half(exponent);
  let upper = clamp(y_upper * log2, V(-168.0), V(168.0));
  let lower = clamp((exponent - y_upper) * log2 + exponent * log2_lower, V(-1.0), V(1.0));
  let n = round(upper + lower);
  let r_upper = upper_half((upper - n) + lower);
  let r_lower = ((upper - n) - r_upper) + lower;
  let r = (r_upper + r_lower) * V(0.6931471805599453);
  let r_rest = r_lower * V(0.6931471805599453) + r_upper * V(0.0000319461849453094172) + exp_beyond(r);
  let finite = scaled(r_upper * V(0.693115234375) + r_rest, n);

  let zero = bits == U(0u);
  let infinite = bits == U(0x7f800000u);
  let edge = select(V(0.0), bitcast<V>(bits | U(0x7f800000u)), infinite == (y > V(0.0)));
  let magnitude = select(finite, edge, zero | infinite);
  let near = clamp(y, V(-16777216.0), V(16777216.0)); // whole and even beyond
  let whole = V(I(near)) == near;
  let odd = whole & ((bitcast<U>(I(near)) & U(1u)) == U(1u));
  let negative = (bitcast<U>(x) >> U(31u)) == U(1u);
  let signed_ = bitcast<V>(bitcast<U>(magnitude) | select(U(0u), U(0x80000000u), negative & odd));
  let nan = bitcast<V>(bitcast<U>(x) | U(0x7fc00000u));
  let known = select(signed_, nan, negative & !whole & !zero & !infinite);
  let one = ((bitcast<U>(y) & U(0x7fffffffu)) == U(0u)) | (bitcast<U>(x) == U(0x3f800000u));
  return select(select(known, x + y, is_nan(x) | is_nan(y)), V(1.0), one);
}
