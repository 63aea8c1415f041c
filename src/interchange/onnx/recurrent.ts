import type * as layers from '../../nn/layers/index.ts';
import { intAttribute, intsAttribute, stringsAttribute } from './file.ts';
import type { Graph, Value } from './graph.ts';
import { channelsLast } from './layout.ts';
import type { Place } from './place.ts';

type RecurrentLayer = layers.LSTM | layers.GRU | layers.SimpleRNN;

/** What ONNX calls a recurrent layer, and where each of its gates stands with us. */
const CELLS = {
  LSTM: { opType: 'LSTM', gates: [0, 3, 1, 2] },
  GRU: { opType: 'GRU', gates: [0, 1, 2] },
  SimpleRNN: { opType: 'RNN', gates: [0] },
} as const;

const CELL_ACTIVATIONS = { tanh: 'Tanh', sigmoid: 'Sigmoid', relu: 'Relu', linear: 'Affine' } as const;

/** A recurrent layer along [batch, steps, features], whose weights are called `prefix` and their own names in the file. */
export function recurrent(layer: RecurrentLayer, x: Value, place: Place, prefix = ''): Value {
  const { graph, inputShape, weights } = place;
  const { units, goBackwards, returnSequences } = layer;
  const { opType, gates } = CELLS[layer.className];
  /** [rows, gates × units] to [gates × units, rows], the gates in ONNX's order. */
  const turned = (name: string, rows: number): Float32Array => {
    const data = weights.get(name) ?? new Float32Array(rows * gates.length * units);
    return Float32Array.from({ length: data.length }, (_, i) => {
      const [column, row] = [Math.floor(i / rows), i % rows];
      return data[row * gates.length * units + gates[Math.floor(column / units)] * units + (column % units)];
    });
  };
  const width = gates.length * units;
  const bias = new Float32Array(2 * width);
  const given = weights.get('bias')?.length ?? 0;
  if (given > 0) {
    // One vector is that of the inputs; of a GRU's two rows each is turned by itself.
    const rows = turned('bias', given / width);
    for (let i = 0; i < given; i++) bias[(i % (given / width)) * width + Math.floor(i / (given / width))] = rows[i];
  }
  const flat = channelsLast(graph, x);
  const swapped = [intsAttribute('perm', [1, 0, 2])];
  const flipped = (name: string): string => reversedSteps(graph, name);
  const steps = graph.add('Transpose', [flat.name], swapped);
  const inputs = [
    goBackwards ? flipped(steps) : steps,
    graph.floats(`${prefix}kernel`, [1, width, inputShape[1]], turned('kernel', inputShape[1])),
    graph.floats(`${prefix}recurrentKernel`, [1, width, units], turned('recurrentKernel', units)),
    graph.floats(`${prefix}bias`, [1, 2 * width], bias),
  ];
  const [activation, gate] = [CELL_ACTIVATIONS[layer.activation], CELL_ACTIVATIONS[layer.recurrentActivation]];
  const applied = { LSTM: [gate, activation, activation], GRU: [gate, activation], RNN: [activation] }[opType];
  const attributes = [intAttribute('hidden_size', units), stringsAttribute('activations', applied)];
  if (opType === 'GRU') attributes.push(intAttribute('linear_before_reset', 1));
  const states = graph.add(opType, inputs, attributes);
  if (!returnSequences) {
    const last = graph.add('Gather', [states, graph.sizes([-1])], [intAttribute('axis', 0)]);
    return { name: graph.add('Squeeze', [last, graph.sizes([0, 1])]), rank: 2, channelsFirst: false };
  }
  const all = graph.add('Squeeze', [states, graph.sizes([1])]);
  return { name: graph.add('Transpose', [all], swapped), rank: 3, channelsFirst: false };
}

/** A tensor whose first axis is steps, from the last to the first. */
const reversedSteps = (graph: Graph, name: string, axis = 0): string =>
  graph.add('Slice', [name, graph.sizes([-1]), graph.sizes([-(2 ** 31)]), graph.sizes([axis]), graph.sizes([-1])]);

export function bidirectional(layer: layers.Bidirectional, x: Value, place: Place): Value {
  const { graph } = place;
  const { forwardLayer, backwardLayer, mergeMode } = layer;
  const way = (held: RecurrentLayer): Value =>
    recurrent(held, x, { ...place, weights: place.weightsOf(held) }, `${held.givenName}/`);
  const forward = way(forwardLayer);
  const back = way(backwardLayer);
  const backward = forwardLayer.returnSequences ? reversedSteps(graph, back.name, 1) : back.name;
  const both = [forward.name, backward];
  if (mergeMode === 'concat') return { ...forward, name: graph.add('Concat', both, [intAttribute('axis', -1)]) };
  const merged = graph.add(mergeMode === 'mul' ? 'Mul' : 'Add', both);
  return { ...forward, name: mergeMode === 'ave' ? graph.add('Mul', [merged, graph.scalar(0.5)]) : merged };
}
