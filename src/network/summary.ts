/** A network as a table: layers, output shapes and parameter counts. */

import { formatBytes } from '../base/dtype.ts';
import { sizeOf } from '../base/shape.ts';
import { isLearnt, isTrainable, type Network } from './network.ts';

export function summaryOf({ layers, trainable, fixed }: Network): string {
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
  const rows = layers.map(({ layer, name, outputShape, specs }) => [
    `${name} (${layer.className})`,
    `[${['batch', ...outputShape].join(', ')}]`,
    specs.reduce((sum, spec) => sum + sizeOf(spec.shape), 0).toLocaleString('en-US'),
  ]);
  const header = ['Layer', 'Output shape', 'Parameters'];
  const widths = header.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at].length)));
  const line = ([a, b, c]: readonly string[]): string =>
    `${a.padEnd(widths[0])}  ${b.padEnd(widths[1])}  ${c.padStart(widths[2])}`;
  const rule = '─'.repeat(widths[0] + widths[1] + widths[2] + 4);
  const count = (n: number): string => `${n.toLocaleString('en-US')} (${formatBytes(n * 4)})`;
  const all = trainable.count + fixed.count;
  const totals = [
    `Total parameters: ${count(all)}`,
    `Trainable parameters: ${count(learnt)}`,
    `Non-trainable parameters: ${count(all - learnt)}`,
  ];
  return [line(header), rule, ...rows.map(line), rule, ...totals].join('\n');
}
