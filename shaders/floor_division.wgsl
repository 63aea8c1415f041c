// x divided by y and rounded down, and what is left, which has y's sign. After functions.wgsl.

// x - q y without the rounding of the product, for whole q below 2^24: both factors in halves, whose products are exact.
fn exact_rest(x: V, q: V, y: V) -> V {
  let q_upper = upper_half(q);
  let q_lower = q - q_upper;
  let y_upper = upper_half(y);
  let y_lower = y - y_upper;
  return (((x - q_upper * y_upper) - q_upper * y_lower) - q_lower * y_upper) - q_lower * y_lower;
}

fn has_sign(x: V) -> B { return (bitcast<U>(x) >> U(31u)) == U(1u); }
fn is_infinite(x: V) -> B { return (bitcast<U>(x) & U(0x7fffffffu)) == U(0x7f800000u); }

// How far the rounded quotient, whole below 2^24, is off: 1 where it was rounded down to the next whole number, -1 where up. Of
// -1e-20 by 3 it is -1, and 3 is left.
fn quotient_error(x: V, y: V, rest: V) -> V {
  let same = has_sign(rest) == has_sign(y);
  let low = same & (abs(rest) >= abs(y)) & (abs(x) >= abs(y));
  return select(V(0.0), V(1.0), low) - select(V(0.0), V(1.0), !same & (rest != V(0.0)));
}

fn is_countable(q: V) -> B { return is_finite(q) & (abs(q) < V(16777216.0)); }

// NaN where |x / y| is 2^24 or more: no float32 tells the quotient's last digit.
fn floor_rest(x: V, y: V) -> V {
  let q = floor(x / y);
  let first = exact_rest(x, q, y);
  let nan = bitcast<V>(bitcast<U>(x) | U(0x7fc00000u));
  let finite = select(nan, first - quotient_error(x, y, first) * y, is_countable(q) & (y != V(0.0)));
  let beyond = select(x, y, (x != V(0.0)) & (has_sign(x) != has_sign(y)));
  let known = select(finite, beyond, is_infinite(y) & is_finite(x));
  return select(known, x + y, is_nan(x) | is_nan(y));
}

fn floor_quotient(x: V, y: V) -> V {
  let q = x / y;
  let whole = floor(q);
  let finite = select(whole, whole + quotient_error(x, y, exact_rest(x, whole, y)), is_countable(q));
  let beyond = select(V(0.0), V(-1.0), (x != V(0.0)) & (has_sign(x) != has_sign(y)));
  let known = select(finite, beyond, is_infinite(y) & is_finite(x));
  // 0 / 0 and infinity / infinity, too.
  return select(known, q, is_nan(q));
}

// By 0 both are 0, as in NumPy.
fn whole_floor_rest(x: I, y: I) -> I {
  let rest = x % y;
  return select(rest, rest + y, (rest != I(0)) & ((rest ^ y) < I(0)));
}

fn whole_floor_quotient(x: I, y: I) -> I {
  let q = x / y;
  let down = (x % y != I(0)) & ((x ^ y) < I(0));
  return select(select(q, q - I(1), down), I(0), y == I(0));
}
