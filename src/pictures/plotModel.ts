/** A model: its layers as boxes, with arrows from each to those that read what it makes. */

import { flagOf } from '../base/checks.ts';
import { describe } from '../base/describe.ts';
import { ArgumentError } from '../base/errors.ts';
import { checkName, takeOptions } from '../base/optionNames.ts';
import { TrainedModel } from '../models/trainedModel.ts';
import type { Network } from '../network/network.ts';
import { parameterCounts } from '../network/summary.ts';
import { type Point, placeGraph } from './graphLayout.ts';
import { heading, MARGIN } from './heading.ts';
import { Looks, parameters, round } from './layerBox.ts';
import { type Cluster, modelGraph } from './modelGraph.ts';
import { Picture } from './picture.ts';

/** Options of `plotModel`: Keras' `plot_model`. */
export interface PlotModelOptions {
  /** Whether boxes say what shapes a layer reads and makes, of one example; default true. */
  readonly showShapes?: boolean;
  /** Whether names stand beside the classes; default true. */
  readonly showLayerNames?: boolean;
  /** Whether activations stand there, too; default false. */
  readonly showLayerActivations?: boolean;
  /** Whether layers that are frozen say so and are dashed; default true. */
  readonly showTrainable?: boolean;
  /** Whether layers that hold others, models among them, are drawn with all that is in them; default false. */
  readonly expandNested?: boolean;
  /** From top to bottom, `TB`, or from left to right, `LR`; default `TB`. */
  readonly rankDir?: 'TB' | 'LR';
  /** Default the model's class and how many parameters it has; '' for none. */
  readonly title?: string;
}

const FLAGS = {
  showShapes: true,
  showLayerNames: true,
  showLayerActivations: false,
  showTrainable: true,
  expandNested: false,
} as const;
const DIRECTIONS = ['TB', 'LR'] as const;

/** Room for a title that wraps seldom. */
const LEAST_WIDTH = 480;
const LINE = '#555555';
/** Of an arrow's head. */
const HEAD = { length: 9, half: 4 } as const;

/**
 * Draws a model as a graph: a box a layer, with its class, its name, the shapes that it reads and makes, and its parameters; arrows
 * from each box to those that read what it makes; the model's inputs and outputs as round boxes. A layer that is applied
 * several times has a box each time, whose parameters are `shared`. With `expandNested` a layer that holds others is a frame
 * around them; what it computes itself between them is a box with the names of the operations. Nothing runs on a GPU.
 * @param model built, or with the shape of its inputs known
 * @throws ArgumentError for what is no model; StateError for a `Sequential` that does not know its `inputShape`, or where a
 * package is missing
 */
export async function plotModel(
  model: TrainedModel<unknown, unknown, unknown>,
  options: PlotModelOptions = {},
): Promise<Picture> {
  const who = 'plotModel';
  if (!(model instanceof TrainedModel)) {
    throw new ArgumentError(`${who}: expected a model, got ${describe(model)}. Give a Sequential or a Model.`);
  }
  const { rankDir, title: given, ...flags } = takeOptions(who, options, { ...FLAGS, rankDir: 'TB', title: '' });
  for (const [name, value] of Object.entries(flags)) flagOf(value, who, name);
  checkName(who, 'rankDir', rankDir, DIRECTIONS);
  const network = model.networkFor(who);
  const title = options.title === undefined ? titleOf(model.constructor.name, network) : given;

  const { boxes, arrows } = modelGraph(network, flags.expandNested);
  const looks = new Looks(network, boxes, flags);
  const clusters = clustersOf(boxes.map(({ within }) => within));
  const groupOf = (within: Cluster | null): number | null => (within === null ? null : clusters.indexOf(within));
  const boxLooks = boxes.map((box) => looks.of(box));
  const clusterLooks = clusters.map(({ placed }) => looks.ofCluster(placed));
  const placed = await placeGraph(
    {
      boxes: boxes.map(({ within }, at) => ({ ...boxLooks[at], group: groupOf(within) })),
      groups: clusters.map(({ within }, at) => ({ ...clusterLooks[at], group: groupOf(within) })),
      arrows: arrows.map(({ from, to }) => ({ from: boxes.indexOf(from), to: boxes.indexOf(to) })),
    },
    rankDir,
  );

  const width = Math.max(LEAST_WIDTH, placed.width + 2 * MARGIN);
  const head = heading(title, '', width);
  const [left, top] = [(width - placed.width) / 2, head.bottom + 6];
  const graph = [
    ...placed.groups.map((area, at) => looks.draw(clusterLooks[at], area, placed.heads[at])),
    ...placed.arrows.map(arrow),
    ...placed.boxes.map((area, at) => looks.draw(boxLooks[at], area)),
  ];
  return new Picture(width, top + placed.height + MARGIN, [
    head.svg,
    `<g transform="translate(${round(left)} ${round(top)})">${graph.join('')}</g>`,
  ]);
}

/** Each once, those around others before them. */
function clustersOf(within: readonly (Cluster | null)[]): Cluster[] {
  const clusters = new Set<Cluster>();
  const add = (one: Cluster | null): void => {
    if (one === null || clusters.has(one)) return;
    add(one.within);
    clusters.add(one);
  };
  within.forEach(add);
  return [...clusters];
}

function titleOf(className: string, network: Network): string {
  const { all, learnt } = parameterCounts(network);
  const words = `${className}: ${parameters(all)}`;
  return learnt === all ? words : `${words}, ${learnt.toLocaleString('en-US')} trainable`;
}

/** A line through the points, rounded at all but the ends, with a head at the last one. */
function arrow(points: readonly Point[]): string {
  const [first, last] = [points[0], points[points.length - 1]];
  const before = points.findLast(({ x, y }) => Math.hypot(last.x - x, last.y - y) > HEAD.length) ?? first;
  const length = Math.hypot(last.x - before.x, last.y - before.y) || 1;
  const [along, across] = [(last.x - before.x) / length, (last.y - before.y) / length];
  // The line ends where the head begins.
  const neck = { x: last.x - along * HEAD.length, y: last.y - across * HEAD.length };
  const way = [...points.slice(0, -1), neck];
  const bends = way.slice(1, -1).map((point, at) => {
    const next = way[at + 2];
    const end = at + 3 === way.length ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${pair(point)} ${pair(end)}`;
  });
  const line = way.length === 2 ? `L${pair(neck)}` : bends.join('');
  const side = (sign: number): Point => ({
    x: neck.x - sign * across * HEAD.half,
    y: neck.y + sign * along * HEAD.half,
  });
  return (
    `<path d="M${pair(first)}${line}" fill="none" stroke="${LINE}" stroke-width="1.5"/>` +
    `<path d="M${pair(last)}L${pair(side(1))}L${pair(side(-1))}Z" fill="${LINE}"/>`
  );
}

const pair = ({ x, y }: Point): string => `${round(x)} ${round(y)}`;
