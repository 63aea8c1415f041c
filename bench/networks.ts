/** The networks whose training steps are looked at: those whose single kernels bench/kernels.ts has, and others. */
import { resnetLayers } from '../examples/resnet/network.ts';
import { studyLayers } from '../examples/study/network.ts';
import { transformerLayers } from '../examples/transformer/network.ts';
import {
  BatchNormalization,
  Conv2D,
  Dense,
  DepthwiseConv2D,
  Embedding,
  Flatten,
  GlobalAveragePooling2D,
  GRU,
  type Layer,
  type Loss,
  LSTM,
  MaxPooling2D,
  ReLU,
  Rescaling,
  sparseCategoricalCrossentropy,
  type Tensor,
  tensor,
} from '../src/index.ts';
import { NETWORKS } from './kernels.ts';

export const STEP_NETWORKS = [...NETWORKS, 'resnet', 'mobile', 'transformer', 'recurrent'] as const;
export type StepNetworkName = (typeof STEP_NETWORKS)[number];

/** What a network is trained on. */
export interface StepTask {
  readonly loss: Loss;
  readonly metrics: readonly 'accuracy'[];
  inputs(batch: number): Tensor;
  labels(batch: number): Tensor;
}

const SAME = { padding: 'same', activation: 'relu' } as const;
const CLASSES = 10;
const IMAGE = [32, 32, 3];

/** 3×3 convolutions of 64 to 256 channels, and a dense head. */
const vggLayers = (): Layer[] => [
  new Rescaling(1 / 255),
  new Conv2D(64, 3, SAME),
  new Conv2D(64, 3, SAME),
  new MaxPooling2D(2),
  new Conv2D(128, 3, SAME),
  new MaxPooling2D(2),
  new Conv2D(256, 3, SAME),
  new Conv2D(256, 3, SAME),
  new MaxPooling2D(2),
  new Flatten(),
  new Dense(256, { activation: 'relu' }),
  new Dense(CLASSES, { activation: 'softmax' }),
];

/** Depthwise convolutions between ones of 1×1, as in MobileNetV2 (Sandler et al. 2018). */
function mobileLayers(): Layer[] {
  const plain = { useBias: false, padding: 'same' } as const;
  const clipped = (layer: Layer): Layer[] => [layer, new BatchNormalization(), new ReLU({ maxValue: 6 })];
  const block = (wide: number, strides: number, channels: number): Layer[] => [
    ...clipped(new Conv2D(wide, 1, plain)),
    ...clipped(new DepthwiseConv2D(3, { ...plain, strides })),
    new Conv2D(channels, 1, plain),
    new BatchNormalization(),
  ];
  return [
    new Rescaling(1 / 127.5, { offset: -1 }),
    ...clipped(new Conv2D(32, 3, plain)),
    ...block(96, 1, 24),
    ...block(144, 2, 32),
    ...block(192, 2, 64),
    new GlobalAveragePooling2D(),
    new Dense(CLASSES, { activation: 'softmax' }),
  ];
}

/** Two recurrences over words. */
const recurrentLayers = (): Layer[] => [
  new Embedding(WORDS, 64),
  new LSTM(128, { returnSequences: true }),
  new GRU(64),
  new Dense(CLASSES, { activation: 'softmax' }),
];

/** Places of a text, and different words; neither is a multiple of a tile. */
const PLACES = 50;
const WORDS = 1000;

const texts = (batch: number): Tensor =>
  tensor(
    Int32Array.from({ length: batch * PLACES }, (_, i) => (i * 7919) % WORDS),
    [batch, PLACES],
  );
const images = (batch: number): Tensor =>
  tensor(
    Uint8Array.from({ length: batch * 3072 }, (_, i) => (i * 7919) % 256),
    [batch, ...IMAGE],
  );
const classes = (batch: number): Tensor => tensor(Int32Array.from({ length: batch }, (_, i) => i % CLASSES));

const classify = { loss: sparseCategoricalCrossentropy(), metrics: ['accuracy'], labels: classes } as const;
/** Of the study: images [32, 32, 3] of bytes, ten classes. */
export const IMAGES: StepTask = { ...classify, inputs: images };

const ofLogits = sparseCategoricalCrossentropy({ fromLogits: true });

/** Mean over a text's places. */
const nextWord: Loss = {
  name: 'nextWord',
  perExample: (labels, output) =>
    ofLogits
      .perExample(labels.reshape([-1]), output.reshape([-1, WORDS]))
      .reshape(labels.shape)
      .mean(-1),
};

/** Each with what it is trained on. */
export const STEPS: Readonly<Record<StepNetworkName, { layers(): Layer[]; readonly task: StepTask }>> = {
  study: { layers: studyLayers, task: IMAGES },
  vgg: { layers: vggLayers, task: IMAGES },
  resnet: { layers: () => [new Rescaling(1 / 127.5, { offset: -1 }), ...resnetLayers(3)], task: IMAGES },
  mobile: { layers: mobileLayers, task: IMAGES },
  transformer: {
    layers: () => transformerLayers({ tokens: WORDS, width: 128 }),
    task: { loss: nextWord, metrics: [], inputs: texts, labels: texts },
  },
  recurrent: { layers: recurrentLayers, task: { ...classify, inputs: texts } },
};
