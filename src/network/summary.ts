/** A network as a table: layers, output shapes and parameter counts. */

import { formatBytes } from '../base/dtype.ts';
import { type Shape, sizeOf } from '../base/shape.ts';
import { isLearnt, isTrainable, type Network } from './network.ts';

/** How many parameters a network has, and how many of them gradients move. */
export function parameterCounts({ layers, trainable, fixed }: Network): {
  readonly all: number;
  readonly learnt: number;
} {
  // As the layers are now: they may have been frozen since the weights were grouped.
  const learnt = layers.reduce(
    (sum, placed) =>
      sum +
      placed.specs.reduce(
        (own, spec) => own + (isLearnt({ trainable: isTrainable(placed) }, spec) ? sizeOf(spec.shape) : 0),
        0,
      ),
    0,
  );
  return { all: trainable.count + fixed.count, learnt };
}

/** Of a graph, also what each layer is connected to. */
export function summaryOf(network: Network): string {
  const { composition, layers } = network;
  const { inputNames, inputShapes } = composition;
  const connections = composition.connections?.();
  const shapeOf = (shape: Shape): string => `[${['batch', ...shape].join(', ')}]`;
  const given = connections ? inputNames.map((name, at) => [`${name} (Input)`, shapeOf(inputShapes[at]), '0', '']) : [];
  const rows = layers.map(({ layer, name, outputShape, specs }) => [
    `${name} (${layer.className})`,
    shapeOf(outputShape),
    specs.reduce((sum, spec) => sum + sizeOf(spec.shape), 0).toLocaleString('en-US'),
    ...(connections ? [connections.get(layer)?.join(', ') ?? ''] : []),
  ]);
  const header = ['Layer', 'Output shape', 'Parameters', ...(connections ? ['Connected to'] : [])];
  const all = [...given, ...rows];
  const widths = header.map((title, at) => Math.max(title.length, ...all.map((row) => row[at].length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => (at === 2 ? cell.padStart(widths[at]) : cell.padEnd(widths[at])))
      .join('  ')
      .trimEnd();
  const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  const count = (n: number): string => `${n.toLocaleString('en-US')} (${formatBytes(n * 4)})`;
  const { all: parameters, learnt } = parameterCounts(network);
  const totals = [
    `Total parameters: ${count(parameters)}`,
    `Trainable parameters: ${count(learnt)}`,
    `Non-trainable parameters: ${count(parameters - learnt)}`,
  ];
  return [line(header), rule, ...all.map(line), rule, ...totals].join('\n');
}
