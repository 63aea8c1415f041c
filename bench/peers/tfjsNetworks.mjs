// The peers' networks by TensorFlow.js' Layers API, compiled, by name.

const LOSS = { loss: 'categoricalCrossentropy', metrics: ['accuracy'] };

export const networks = (tf) => ({ study: () => study(tf), resnet: () => resnet(tf) });

function study(tf) {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ filters: 32, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [32, 32, 3] }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.dropout({ rate: 0.25 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 100, activation: 'relu' }),
      tf.layers.dropout({ rate: 0.25 }),
      tf.layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(0.001), ...LOSS });
  return model;
}

function resnet(tf) {
  /** Channels of zeros behind an image's. */
  class ZeroChannels extends tf.layers.Layer {
    static className = 'ZeroChannels';

    constructor(channels) {
      super({});
      this.channels = channels;
    }

    computeOutputShape([batch, height, width, channels]) {
      return [batch, height, width, channels + this.channels];
    }

    call(inputs) {
      // biome-ignore format: an axis an entry
      return tf.pad(Array.isArray(inputs) ? inputs[0] : inputs, [[0, 0], [0, 0], [0, 0], [0, this.channels]]);
    }
  }
  const relu = (x) => tf.layers.reLU().apply(x);
  const convolution = (x, filters, strides = 1) => {
    const options = { filters, kernelSize: 3, strides, padding: 'same', useBias: false, kernelInitializer: 'heNormal' };
    return tf.layers.batchNormalization({ momentum: 0.9 }).apply(tf.layers.conv2d(options).apply(x));
  };
  const block = (x, filters, strides) => {
    const y = convolution(relu(convolution(x, filters, strides)), filters);
    // Every second pixel, by a pooling of one: a strided slice has no gradient there.
    const kept = strides === 1 ? x : tf.layers.maxPooling2d({ poolSize: 1, strides }).apply(x);
    const added = filters - x.shape[3];
    return relu(tf.layers.add().apply([y, added === 0 ? kept : new ZeroChannels(added).apply(kept)]));
  };
  const image = tf.input({ shape: [32, 32, 3] });
  let x = relu(convolution(image, 16));
  for (const filters of [16, 32, 64]) {
    for (let at = 0; at < 3; at++) x = block(x, filters, at === 0 && filters > 16 ? 2 : 1);
  }
  x = tf.layers.globalAveragePooling2d({}).apply(x);
  x = tf.layers.dense({ units: 10, activation: 'softmax' }).apply(x);
  const model = tf.model({ inputs: image, outputs: x });
  model.compile({ optimizer: tf.train.momentum(0.01, 0.9), ...LOSS });
  return model;
}
