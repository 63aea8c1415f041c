// The peers' networks in jax-js, by name: weights, the loss of a batch, and what a step makes of the weights. Calls consume
// their arguments; `.ref` keeps one for another use.

const KEEP = 0.75;

export const networks = (jax, batch) => ({ study: () => study(jax, batch), resnet: () => resnet(jax, batch) });

function study({ lax, nn, numpy: np, random }, batch) {
  const uniform = (seed, shape, inputs) => {
    const bound = 1 / Math.sqrt(inputs);
    return random.uniform(random.key(seed), shape, { minval: -bound, maxval: bound });
  };
  const dropout = (values, key) => {
    const mask = random.bernoulli(key, KEEP, values.shape).astype(np.float32);
    return values.mul(mask).mul(1 / KEEP);
  };
  return {
    weights: () => ({
      w1: uniform(1, [32, 3, 3, 3], 27),
      b1: np.zeros([32, 1, 1]),
      w2: uniform(2, [8192, 100], 8192),
      b2: np.zeros([100]),
      w3: uniform(3, [100, 10], 100),
      b3: np.zeros([10]),
    }),

    loss(weights, x, y, keys) {
      const conv = nn.relu(lax.convGeneralDilated(x, weights.w1, [1, 1], 'SAME').add(weights.b1));
      const pooled = lax.reduceWindow(conv, np.max, [2, 2], [2, 2]);
      const flat = dropout(pooled, keys.first).reshape([-1, 8192]);
      const hidden = dropout(nn.relu(np.dot(flat, weights.w2).add(weights.b2)), keys.second);
      return crossEntropy(nn, np.dot(hidden, weights.w3).add(weights.b3), y, batch);
    },

    // Adam.
    moments: (zeros) => ({ m: zeros(), v: zeros() }),
    rate: (i) => (0.001 * Math.sqrt(1 - 0.999 ** i)) / (1 - 0.9 ** i),
    update(weights, gradients, { m, v }, rate) {
      const next = { weights: {}, moments: { m: {}, v: {} } };
      for (const name in weights) {
        const mean = m[name].mul(0.9).add(gradients[name].ref.mul(0.1));
        const square = v[name].mul(0.999).add(np.square(gradients[name]).mul(0.001));
        next.moments.m[name] = mean.ref;
        next.moments.v[name] = square.ref;
        next.weights[name] = weights[name].sub(mean.mul(rate.ref).div(np.sqrt(square).add(1e-7)));
      }
      rate.dispose();
      return next;
    },
  };
}

/** Without the moving averages of batch normalisation, which training does not need: a little less work than the others have. */
function resnet({ lax, nn, numpy: np, random }, batch) {
  const blocks = [16, 32, 64].flatMap((filters) =>
    [0, 1, 2].map((at) => ({ filters, strides: at === 0 && filters > 16 ? 2 : 1 })),
  );
  const convolution = (weights, name, x, strides = 1) => {
    const y = lax.convGeneralDilated(x, weights[`${name}/kernel`], [strides, strides], 'SAME');
    const normal = nn.standardize(y, [0, 2, 3], { epsilon: 1e-3 });
    return normal.mul(weights[`${name}/gamma`]).add(weights[`${name}/beta`]);
  };
  const block = (weights, name, x, { filters, strides }) => {
    const added = filters - x.shape[1];
    const y = convolution(weights, `${name}/1`, nn.relu(convolution(weights, `${name}/0`, x.ref, strides)));
    // Every second pixel, by a pooling of one.
    const kept = strides === 1 ? x : lax.reduceWindow(x, np.max, [1, 1], [strides, strides]);
    // biome-ignore format: an axis an entry
    return nn.relu(y.add(added === 0 ? kept : np.pad(kept, [[0, 0], [0, added], [0, 0], [0, 0]])));
  };
  return {
    weights() {
      const weights = {};
      let seed = 0;
      const add = (name, filters, channels) => {
        const spread = Math.sqrt(2 / (9 * channels));
        weights[`${name}/kernel`] = random.normal(random.key(++seed), [filters, channels, 3, 3]).mul(spread);
        weights[`${name}/gamma`] = np.ones([filters, 1, 1]);
        weights[`${name}/beta`] = np.zeros([filters, 1, 1]);
      };
      add('first', 16, 3);
      let channels = 16;
      for (const [at, { filters }] of blocks.entries()) {
        add(`${at}/0`, filters, channels);
        add(`${at}/1`, filters, filters);
        channels = filters;
      }
      weights.kernel = random.normal(random.key(++seed), [64, 10]).mul(1 / 8);
      weights.bias = np.zeros([10]);
      return weights;
    },

    loss(weights, x, y) {
      let value = nn.relu(convolution(weights, 'first', x));
      for (const [at, one] of blocks.entries()) value = block(weights, String(at), value, one);
      return crossEntropy(nn, np.dot(np.mean(value, [2, 3]), weights.kernel).add(weights.bias), y, batch);
    },

    // SGD with momentum.
    moments: (zeros) => ({ velocity: zeros() }),
    rate: () => 0.01,
    update(weights, gradients, { velocity }, rate) {
      const next = { weights: {}, moments: { velocity: {} } };
      for (const name in weights) {
        const moved = velocity[name].mul(0.9).sub(gradients[name].mul(rate.ref));
        next.weights[name] = weights[name].add(moved.ref);
        next.moments.velocity[name] = moved;
      }
      rate.dispose();
      return next;
    },
  };
}

/** Mean over the batch. */
function crossEntropy(nn, logits, y, batch) {
  return nn
    .logSoftmax(logits)
    .mul(nn.oneHot(y, 10))
    .sum()
    .mul(-1 / batch);
}
