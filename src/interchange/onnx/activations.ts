import type * as layers from '../../nn/layers/index.ts';
import type { ActivationName } from '../../nn/layers/index.ts';
import { floatAttribute, intAttribute, type OnnxAttribute } from './file.ts';
import type { Graph, Value } from './graph.ts';
import { channelsLast } from './layout.ts';
import { type Place, weightOf } from './place.ts';

type Activate = (graph: Graph, x: Value) => string;

const simple =
  (opType: string, ...attributes: OnnxAttribute[]): Activate =>
  (graph, x) =>
    graph.add(opType, [x.name], attributes);

const alongChannels =
  (opType: string): Activate =>
  (graph, x) =>
    graph.add(opType, [x.name], [intAttribute('axis', x.channelsFirst && x.rank > 2 ? 1 : -1)]);

const activations: { readonly [Name in ActivationName]: Activate } = {
  linear: (_, x) => x.name,
  relu: simple('Relu'),
  leakyRelu: simple('LeakyRelu', floatAttribute('alpha', 0.2)),
  elu: simple('Elu', floatAttribute('alpha', 1)),
  // x Φ(x); opset 17 has no Gelu.
  gelu: (graph, x) => {
    const erf = graph.add('Erf', [graph.add('Mul', [x.name, graph.scalar(Math.SQRT1_2)])]);
    const share = graph.add('Mul', [graph.add('Add', [erf, graph.scalar(1)]), graph.scalar(0.5)]);
    return graph.add('Mul', [x.name, share]);
  },
  sigmoid: simple('Sigmoid'),
  tanh: simple('Tanh'),
  softplus: simple('Softplus'),
  silu: (graph, x) => graph.add('Mul', [x.name, graph.add('Sigmoid', [x.name])]),
  swish: (graph, x) => activations.silu(graph, x),
  relu6: (graph, x) => graph.add('Clip', [x.name, graph.scalar(0), graph.scalar(6)]),
  selu: simple('Selu'),
  softsign: simple('Softsign'),
  // Opset 17 has no Mish.
  mish: (graph, x) => graph.add('Mul', [x.name, graph.add('Tanh', [graph.add('Softplus', [x.name])])]),
  hardSigmoid: simple('HardSigmoid', floatAttribute('alpha', 1 / 6), floatAttribute('beta', 0.5)),
  hardSilu: simple('HardSwish'),
  exponential: simple('Exp'),
  softmax: alongChannels('Softmax'),
  logSoftmax: alongChannels('LogSoftmax'),
};

export const activated = (graph: Graph, x: Value, activation: ActivationName): Value => ({
  ...x,
  name: activations[activation](graph, x),
});

export function rectified({ maxValue, negativeSlope, threshold }: layers.ReLU, x: Value, { graph }: Place): Value {
  const bound = graph.scalar(threshold);
  const below = graph.add('Mul', [graph.add('Sub', [x.name, bound]), graph.scalar(negativeSlope)]);
  const known = graph.add('Where', [graph.add('Less', [x.name, bound]), below, x.name]);
  return { ...x, name: maxValue === null ? known : graph.add('Min', [known, graph.scalar(maxValue)]) };
}

export function leakilyRectified({ negativeSlope }: layers.LeakyReLU, x: Value, { graph }: Place): Value {
  return { ...x, name: graph.add('LeakyRelu', [x.name], [floatAttribute('alpha', negativeSlope)]) };
}

export function rectifiedByWeights(layer: layers.PReLU, x: Value, place: Place): Value {
  const { graph, inputShape } = place;
  const [{ shape }] = layer.weights(inputShape, layer.className);
  const flat = channelsLast(graph, x);
  return { ...flat, name: graph.add('PRelu', [flat.name, graph.floats('alpha', shape, weightOf(place, 'alpha'))]) };
}

export function exponentialBelow({ alpha }: layers.ELU, x: Value, { graph }: Place): Value {
  return { ...x, name: graph.add('Elu', [x.name], [floatAttribute('alpha', alpha)]) };
}

export function softmaxed({ axis }: layers.Softmax, x: Value, { graph }: Place): Value {
  const flat = channelsLast(graph, x);
  return { ...flat, name: graph.add('Softmax', [flat.name], [intAttribute('axis', axis)]) };
}
