// A convolution's kernel w: [KH, KW, C, N] flipped along both axes, channels and filters exchanged: flipped: [KH, KW, N, C].
// A convolution with it is the gradient to the images. A thread an element of the result.
// grid: x, y fold the elements. uniforms: count = taps * channels * outs, taps = KH * KW, channels = C, outs = N

@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  let channel = i % params.channels;
  let out = i / params.channels % params.outs;
  let tap = params.taps - 1u - i / params.channels / params.outs;
  flipped[i] = w[(tap * params.channels + channel) * params.outs + out];
@end
