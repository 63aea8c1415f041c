/** The network that a plan asks for, the plan that a network's layers came from, and what it would take. Pure. */

import { inARow, type Placed, placeLayers, sizeOf } from '../../src/graph.ts';
import {
  Activation,
  AveragePooling2D,
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  type Layer,
  MaxPooling2D,
  Rescaling,
} from '../../src/index.ts';
import { ACTIVATIONS } from './fields.ts';
import type { NetworkPlan, SketchedLayer } from './protocol.ts';

/** Of all images here. */
export const INPUT_SHAPE: readonly number[] = [32, 32, 3];
const CLASSES = 10;

/** For images of bytes. With the study's plan they are the study's layers. */
export function networkLayers(plan: NetworkPlan, dropout: number): Layer[] {
  const { blocks, filters, kernelSize, denseLayers, units } = plan;
  return [
    new Rescaling(1 / 255),
    ...Array.from({ length: blocks }, (_, block) => [
      ...activated(plan, (rest) => new Conv2D(filters * 2 ** block, kernelSize, { padding: 'same', ...rest })),
      ...pooled(plan),
      new Dropout(dropout),
    ]).flat(),
    new Flatten(),
    ...Array.from({ length: denseLayers }, () => [
      ...activated(plan, (rest) => new Dense(units, rest)),
      new Dropout(dropout),
    ]).flat(),
    new Dense(CLASSES, { activation: 'softmax' }),
  ];
}

interface Rest {
  readonly activation?: NetworkPlan['activation'];
  readonly useBias?: boolean;
}

function activated({ activation, batchNorm }: NetworkPlan, layer: (rest: Rest) => Layer): Layer[] {
  if (!batchNorm) return [layer({ activation })];
  // The normalisation takes a bias away again, and has an offset of its own.
  return [layer({ useBias: false }), new BatchNormalization(), new Activation(activation)];
}

function pooled({ pooling }: NetworkPlan): Layer[] {
  if (pooling === 'none') return [];
  return [pooling === 'max' ? new MaxPooling2D(2) : new AveragePooling2D(2)];
}

/** The plan whose network these layers are, whatever their dropout; null where this page builds none like it. */
export function networkOf(layers: readonly Layer[], fallback: NetworkPlan): NetworkPlan | null {
  const convolutions = layers.filter((layer) => layer instanceof Conv2D);
  const hidden = layers.filter((layer) => layer instanceof Dense).slice(0, -1);
  const batchNorm = layers.some((layer) => layer instanceof BatchNormalization);
  const [first] = [...convolutions, ...hidden];
  const activation = batchNorm
    ? layers.find((layer) => layer instanceof Activation)?.activation
    : first?.config().activation;
  const plan: NetworkPlan = {
    blocks: convolutions.length,
    filters: convolutions[0]?.filters ?? fallback.filters,
    kernelSize: convolutions[0]?.kernelSize[0] ?? fallback.kernelSize,
    pooling: layers.some((layer) => layer instanceof MaxPooling2D)
      ? 'max'
      : layers.some((layer) => layer instanceof AveragePooling2D)
        ? 'average'
        : convolutions.length > 0
          ? 'none'
          : fallback.pooling,
    denseLayers: hidden.length,
    units: hidden[0]?.units ?? fallback.units,
    activation: ACTIVATIONS.find((name) => name === activation) ?? fallback.activation,
    batchNorm,
  };
  return describeLayers(networkLayers(plan, 0)) === describeLayers(layers) ? plan : null;
}

/** All that makes two networks' weights mean the same. */
const describeLayers = (layers: readonly Layer[]): string =>
  JSON.stringify(
    layers
      .filter((layer) => !(layer instanceof Dropout))
      .map((layer) => {
        // What weights were drawn by is past; a rescaling is a number whose last bit a file may round.
        const { kernelInitializer: _kernel, biasInitializer: _bias, scale: _scale, ...config } = layer.config();
        return [layer.className, config];
      }),
  );

/** What a network has, without drawing its weights. */
export interface Facts {
  readonly layers: readonly SketchedLayer[];
  readonly parameters: number;
  /** Multiplications of an image's forward pass. */
  readonly multiplications: number;
}

export function factsOf(plan: NetworkPlan): Facts {
  const { layers: placed } = placeLayers(inARow(networkLayers(plan, 0.5), INPUT_SHAPE));
  const layers = placed.map(({ name, outputShape, specs }) => ({
    name,
    outputShape,
    parameters: sum(specs.map(({ shape }) => sizeOf(shape))),
  }));
  return {
    layers,
    parameters: sum(layers.map(({ parameters }) => parameters)),
    multiplications: sum(placed.map(multiplicationsOf)),
  };
}

/** A kernel's values are used once at each place of the output. */
function multiplicationsOf({ outputShape, specs }: Placed): number {
  const kernel = specs.find(({ name }) => name === 'kernel');
  return kernel === undefined ? 0 : sizeOf(kernel.shape) * sizeOf(outputShape.slice(0, -1));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
