// What is counted of a tensor's elements by their bits: how many are NaN, how many infinite, and the smallest and largest of
// the others as ranks, words that rise with the float that they stand for.

const NOTHING = vec4u(0u, 0u, 0xffffffffu, 0u);

fn both(a: vec4u, b: vec4u) -> vec4u { return vec4u(a.xy + b.xy, min(a.z, b.z), max(a.w, b.w)); }

// Negative floats rise as their bits fall.
fn rank(bits: u32) -> u32 { return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u); }

fn look(bits: u32) -> vec4u {
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return vec4u(1u, 0u, NOTHING.zw); }
  if (magnitude == 0x7f800000u) { return vec4u(0u, 1u, NOTHING.zw); }
  return vec4u(0u, 0u, rank(bits), rank(bits));
}
