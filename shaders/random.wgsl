// Counter-based random numbers: each draw is a pure function of (seed, stream, step, index), so a backward pass makes the
// same dropout mask again instead of reading it back from memory.
//
// pcg4d: Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020. Equal, bit for bit, to src/base/random.ts
// (u32 arithmetic wraps by WGSL's rules; test/random.test.ts compares the two).

fn pcg4d(input: vec4u) -> vec4u {
  var v = input * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

// The bits of one index. A thread that needs four consecutive ones calls pcg4d(vec4u(index / 4, step, stream, seed)) once.
fn randomBits(seed: u32, stream: u32, index: u32, step: u32) -> u32 {
  return pcg4d(vec4u(index >> 2u, step, stream, seed))[index & 3u];
}

// In [0, 1): the top 24 bits, which a float32 holds exactly.
fn uniform01(bits: u32) -> f32 {
  return f32(bits >> 8u) * 0x1p-24f;
}
