// Loaders of a matrix product for contraction_*.wgsl. Each operand may be stored transposed.
// a: [batch, m, k], with TRANSPOSE_A [batch, k, m]; b: [batch, k, n], with TRANSPOSE_B [batch, n, k], row major.
// uniforms: a_stride, b_stride: elements from one matrix to the next, 0 where one serves the whole batch.
// Where the four values of k are neighbours and k is a multiple of four (VECTOR_A, VECTOR_B), one load takes them all. With
// BLOCK_A or BLOCK_B the operand is read as four neighbouring rows or columns of one k instead.

fn row_of(m: u32, batch: u32) -> u32 {
@if TRANSPOSE_A
  return batch * params.a_stride + m;
@else
  return batch * params.a_stride + m * params.k;
@end
}

fn column_of(n: u32, batch: u32) -> u32 {
@if TRANSPOSE_B
  return batch * params.b_stride + n * params.k;
@else
  return batch * params.b_stride + n;
@end
}

@if !WHOLE_K
// The four values with those beyond k taken out, so that a NaN in memory there does no harm.
fn within(value: vec4f, k: u32) -> vec4f {
  return select(vec4f(), value, (vec4u(k) + vec4u(0u, 1u, 2u, 3u)) < vec4u(params.k));
}
@end

@if BLOCK_A
fn load_rows(row: u32, k: u32) -> vec4f {
@if WHOLE_K
  return a[(row + k * params.m) / 4u];
@else
  return select(vec4f(), a[(row + min(k, params.k - 1u) * params.m) / 4u], k < params.k);
@end
}
@else
fn load_a(row: u32, k: u32) -> vec4f {
@if VECTOR_A
  return a[(row + k) / 4u];
@else
@if TRANSPOSE_A
  let at = row + k * params.m;
  let step = params.m;
@else
  let at = row + k;
  let step = 1u;
@end
@if WHOLE_K
  return vec4f(a[at], a[at + step], a[at + 2u * step], a[at + 3u * step]);
@else
  let last = at + (params.k - 1u - k) * step;
  return within(vec4f(a[at], a[min(at + step, last)], a[min(at + 2u * step, last)], a[min(at + 3u * step, last)]), k);
@end
@end
}
@end

@if BLOCK_B
fn load_columns(column: u32, k: u32) -> vec4f {
@if WHOLE_K
  return b[(column + k * params.n) / 4u];
@else
  return select(vec4f(), b[(column + min(k, params.k - 1u) * params.n) / 4u], k < params.k);
@end
}
@else
fn load_b(column: u32, k: u32) -> vec4f {
@if VECTOR_B
  return b[(column + k) / 4u];
@else
@if TRANSPOSE_B
  let at = column + k;
  let step = 1u;
@else
  let at = column + k * params.n;
  let step = params.n;
@end
@if WHOLE_K
  return vec4f(b[at], b[at + step], b[at + 2u * step], b[at + 3u * step]);
@else
  let last = at + (params.k - 1u - k) * step;
  return within(vec4f(b[at], b[min(at + step, last)], b[min(at + 2u * step, last)], b[min(at + 3u * step, last)]), k);
@end
@end
}
@end
