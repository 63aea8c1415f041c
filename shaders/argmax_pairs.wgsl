// The position of the first largest value as a reduction (reduce_values.wgsl) of pairs: a rank that rises with the value, and
// a number that falls along the extent. A NaN ranks above all.

@if INTEGERS
fn rank(x: i32) -> u32 { return bitcast<u32>(x) ^ 0x80000000u; }
@else
fn rank(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if (is_nan(x)) { return 0xffffffffu; }
  if (bits == 0x80000000u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}
@end

fn larger(a: vec2u, b: vec2u) -> vec2u {
  return select(a, b, vec2<bool>(b.x > a.x || (b.x == a.x && b.y > a.y)));
}
