// Trigonometry, its inverses, and hyperbolic sine and cosine, to two or three units in the last place: drivers may compute WGSL's
// own to 2^-11, and those only between -π and π. After functions.wgsl.

fn not_a_number(x: V) -> V { return bitcast<V>(bitcast<U>(x) | U(0x7fc00000u)); }
fn with_sign(magnitude: V, sign: V) -> V { return bitcast<V>(bitcast<U>(magnitude) | (bitcast<U>(sign) & U(0x80000000u))); }

// Quarters of a turn next to x, up to 2^16 of them.
fn quarters(x: V) -> V { return round(clamp(x, V(-102943.0), V(102943.0)) * V(0.6366197723675814)); }

// x less n quarters. π/2 is taken off in four parts: n times each of the first three is exact.
fn beside_quarters(x: V, n: V) -> V {
  let near = fma(-n, V(1.2665987014770508e-6), fma(-n, V(0.0004825592041015625), fma(-n, V(1.5703125), x)));
  return clamp(fma(-n, V(9.920935796805404e-10), near), V(-0.8), V(0.8));
}

fn near_sine(r: V) -> V {
  let z = r * r;
  return r + r * z * (V(-1.0 / 6.0) + z * (V(1.0 / 120.0) + z * (V(-1.0 / 5040.0) + z * V(1.0 / 362880.0))));
}
fn near_cosine(r: V) -> V {
  let z = r * r;
  return V(1.0) - (V(0.5) * z - z * z * (V(1.0 / 24.0) + z * (V(-1.0 / 720.0) + z * (V(1.0 / 40320.0) - z * V(1.0 / 3628800.0)))));
}

// Whether so much is left of x's digits after whole turns that a sine means something; NaN and infinity are not.
fn is_near(x: V) -> B { return (bitcast<U>(x) & U(0x7fffffffu)) <= U(0x47c90f80u); }

// The sine of x and `ahead` quarters of a turn.
fn sine_ahead(x: V, ahead: u32) -> V {
  let n = quarters(x);
  let r = beside_quarters(x, n);
  let k = bitcast<U>(I(n)) + U(ahead);
  let value = select(near_sine(r), near_cosine(r), (k & U(1u)) == U(1u));
  return select(not_a_number(x), bitcast<V>(bitcast<U>(value) ^ ((k & U(2u)) << U(30u))), is_near(x));
}
fn sine(x: V) -> V { return sine_ahead(x, 0u); }
fn cosine(x: V) -> V { return sine_ahead(x, 1u); }
fn tangent(x: V) -> V {
  let n = quarters(x);
  let r = beside_quarters(x, n);
  let s = near_sine(r);
  let c = near_cosine(r);
  return select(not_a_number(x), select(s / c, -c / s, (bitcast<U>(I(n)) & U(1u)) == U(1u)), is_near(x));
}

// The arc sine of |x| below 1/2, or half of what is missing to π/2 above: s + s w P(w), where w = s²; P fitted to 1e-9.
fn arc_half(x: V) -> V {
  let a = abs(x);
  let far = a > V(0.5);
  let w = select(a * a, V(0.5) - V(0.5) * a, far);
  let s = select(a, square_root(w), far);
  return s + s * w * (V(0.1666666633742721) + w * (V(0.07500094543702739) + w * (V(0.04459940149053665) + w * (
    V(0.03110066304225682) + w * (V(0.017149237233349848) + w * V(0.03369084873528785))))));
}
fn arc_sine(x: V) -> V {
  let half = arc_half(x);
  let angle = select(half, V(1.5707963267948966) - (half + half), abs(x) > V(0.5));
  return select(with_sign(angle, x), x, is_nan(x));
}
fn arc_cosine(x: V) -> V {
  let half = arc_half(x);
  let far = select(half + half, V(3.141592653589793) - (half + half), x < V(0.0));
  let angle = select(V(1.5707963267948966) - with_sign(half, x), far, abs(x) > V(0.5));
  return select(angle, x, is_nan(x));
}

// The arc tangent of t from 0 to 1; above tan(π/8) that of (t - 1) / (t + 1) and π/4.
fn near_arc_tangent(t: V) -> V {
  let far = t > V(0.41421356);
  let u = select(t, (t - V(1.0)) / (t + V(1.0)), far);
  let z = u * u;
  let rest = u * z * (V(-0.33333331760862617) + z * (V(0.1999954041355771) + z * (V(-0.14263953170450164) + z * (
    V(0.10743705256259625) + z * V(-0.06451841266016989)))));
  return select(u + rest, V(0.7853981633974483) + (u + rest), far);
}
fn arc_tangent(x: V) -> V {
  let a = abs(x);
  let near = near_arc_tangent(select(a, V(1.0) / a, a > V(1.0)));
  return select(with_sign(select(near, V(1.5707963267948966) - near, a > V(1.0)), x), x, is_nan(x));
}

// The angle of the point (x, y), from -π to π; signs of zeros count.
fn angle_of(y: V, x: V) -> V {
  let a = abs(y);
  let b = abs(x);
  let least = min(a, b);
  let most = max(a, b);
  let infinite = !is_finite(least);
  let t = select(select(least / most, V(1.0), infinite), V(0.0), (most == V(0.0)) | (is_finite(least) & !is_finite(most)));
  let near = near_arc_tangent(t);
  let first = select(near, V(1.5707963267948966) - near, a > b);
  let angle = select(first, V(3.141592653589793) - first, (bitcast<U>(x) >> U(31u)) == U(1u));
  return select(with_sign(angle, y), x + y, is_nan(x) | is_nan(y));
}

// (e^x - e^-x) / 2 = -(e^-2|x| - 1) e^|x| / 2, and e^|x| as a square: it overflows before the result does.
fn hyperbolic_sine(x: V) -> V {
  let half = exponential(V(0.5) * abs(x));
  let magnitude = V(-0.5) * expm1(V(-2.0) * abs(x)) * half * half;
  return select(with_sign(magnitude, x), x, is_nan(x));
}
fn hyperbolic_cosine(x: V) -> V {
  let half = exponential(V(0.5) * abs(x));
  return (V(0.5) * half) * half + (V(0.5) / half) / half;
}
