// Convolution, bias, ReLU and 2×2 max pooling in one kernel, for few input channels: the convolution's result, four times
// as large as the pooled one, never reaches memory.
// x: [batch, H, W, C], w: [KH, KW, C, N], bias: [N], y: [batch, OH, OW, N] pooled.
//
// One thread a pooled pixel. It holds the PH×PW×C patch under its 2×2 window and walks over the output channels, four at a
// time. (The patch is filled in a loop: on the CPU every copy of a load costs compile time.) With subgroups each lane loads the weights of one tap and the subgroup broadcasts them; else
// loads are uniform.
// With WINNERS, the position (0 to 3, row order) of each maximum goes to `winners`, a byte a channel, for the gradient.
// A NaN is the maximum. uniforms: windows = batch * OH * OW, patch_size

const H = {{H}}; const W = {{W}}; const C = {{C}}u; const QUADS = {{N}}u / 4u;
const OH = {{OH}}u; const OW = {{OW}}u;

fn pixel(image: u32, y: i32, x_: i32, c: u32) -> f32 {
  let at = (image + u32(clamp(y, 0, H - 1) * W + clamp(x_, 0, W - 1))) * C + c;
  return select(0.0, x[at], (y >= 0) & (y < H) & (x_ >= 0) & (x_ < W));
}

@main
  let index = global_invocation_index;
  // Threads past the end repeat the last window: broadcasting needs every lane.
  let window = min(index, params.windows - 1u);
@if SUBGROUPS
  let lane = local_invocation_index % {{LANES}}u;
@end
  let y0 = i32(window / OW % OH) * 2 - {{PAD_Y}};
  let x0 = i32(window % OW) * 2 - {{PAD_X}};
  let image = window / (OH * OW) * u32(H * W);
  var patch_: array<f32, {{PATCH}}>;
  for (var t = 0u; t < params.patch_size; t++) {
    patch_[t] = pixel(image, y0 + i32(t / {{ROW}}u), x0 + i32(t % {{ROW}}u / C), t % C);
  }
  for (var q = 0u; q < QUADS; q++) {
@for o in 0..4
    var s${o} = vec4f();
@end
@for j in 0..LOADS
    {
@if SUBGROUPS
      let mine = w[min(${j*PER}u + lane, {{TAPS_ALL}}u - 1u) * QUADS + q];
@end
@for h in 0..PER
@if ${j*PER+h} < TAPS_ALL
      {
        // The tap's pixel under each of the window's four positions, and its weights to four channels.
        let under = vec4f(
          patch_[${(j*PER+h)/TAPS*ROW+(j*PER+h)%TAPS}], patch_[${(j*PER+h)/TAPS*ROW+(j*PER+h)%TAPS+C}],
          patch_[${(j*PER+h)/TAPS*ROW+(j*PER+h)%TAPS+ROW}], patch_[${(j*PER+h)/TAPS*ROW+(j*PER+h)%TAPS+ROW+C}]);
@if SUBGROUPS
        let weights = subgroupBroadcast(mine, ${h}u);
@else
        let weights = w[${j*PER+h}u * QUADS + q];
@end
@for o in 0..4
        s${o} += weights[${o}] * under;
@end
      }
@end
@end
    }
@end
    let at = window * QUADS + q;
@if WINNERS
    let best = vec4u(first_maximum(s0), first_maximum(s1), first_maximum(s2), first_maximum(s3)) << vec4u(0u, 8u, 16u, 24u);
@end
    if (index < params.windows) {
@if WINNERS
      winners[at] = best.x | best.y | best.z | best.w;
@end
      store(at, relu(vec4f(largest(s0), largest(s1), largest(s2), largest(s3)) + bias[q]));
    }
  }
@end

fn largest(v: vec4f) -> f32 {
  let nan = (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
  let top = max(max(v.x, v.y), max(v.z, v.w));
  // The sum of numbers and a NaN is that NaN.
  return select(top, v.x + v.y + v.z + v.w, any(nan));
}

fn first_maximum(v: vec4f) -> u32 {
  let nan = (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
  let top = max(max(v.x, v.y), max(v.z, v.w));
  let here = ((v == vec4f(top)) & vec4<bool>(!any(nan))) | nan;
  return select(select(select(3u, 2u, here.z), 1u, here.y), 0u, here.x);
}
