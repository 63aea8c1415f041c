  // What a workgroup of contraction_*.wgsl computes: which tile of which product, and over which part of k.
  let work = workgroup_index;
  if (work >= params.work) { return; }
  let tile = work % params.tiles;
  let part = work / params.tiles;
  let batch = part / params.splits;
  let k_begin = (part % params.splits) * params.chunk;
  let k_end = min(k_begin + params.chunk, params.k);
