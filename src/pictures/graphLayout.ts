/** Where the boxes of a graph lie, and the ways of the arrows between them: dagre's layered layout. */

import type { EdgeLabel, GraphLabel, NodeLabel } from '@dagrejs/dagre';
import { peer } from '../base/peer.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** With its middle at (x, y). */
export interface Area extends Size {
  readonly x: number;
  readonly y: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** In which group it lies, by its number. */
interface Grouped {
  readonly group: number | null;
}

/** What is to be laid out, by numbers of boxes and groups. */
export interface GraphToPlace {
  readonly boxes: readonly (Size & Grouped)[];
  /** The sizes are those of their heads: a group is as large as what lies in it. Those around others stand before them. */
  readonly groups: readonly (Size & Grouped)[];
  readonly arrows: readonly { readonly from: number; readonly to: number }[];
}

export interface PlacedGraph extends Size {
  readonly boxes: readonly Area[];
  readonly groups: readonly Area[];
  /** Of the groups. */
  readonly heads: readonly Area[];
  /** From edge to edge of the boxes. */
  readonly arrows: readonly (readonly Point[])[];
}

/** Between boxes beside each other, and between those that an arrow connects. */
const BESIDE = 24;
const BETWEEN = 34;

/** @throws StateError where the package is missing */
export async function placeGraph(graph: GraphToPlace, rankDir: 'TB' | 'LR'): Promise<PlacedGraph> {
  const { Graph, layout } = await peer('wgrad/pictures', '@dagrejs/dagre', () => import('@dagrejs/dagre'));
  const placed = new Graph<GraphLabel, NodeLabel, EdgeLabel>({ compound: true });
  placed.setGraph({ rankdir: rankDir, nodesep: BESIDE, ranksep: BETWEEN });
  const nameOf = (kind: 'box' | 'group' | 'head', at: number): string => `${kind} ${at}`;
  const within = (name: string, { group }: Grouped): void => {
    if (group !== null) placed.setParent(name, nameOf('group', group));
  };
  for (const [at, { width, height, group }] of graph.groups.entries()) {
    placed.setNode(nameOf('group', at), { width: 0, height: 0 });
    within(nameOf('group', at), { group });
    placed.setNode(nameOf('head', at), { width, height });
    within(nameOf('head', at), { group: at });
  }
  for (const [at, { width, height, group }] of graph.boxes.entries()) {
    placed.setNode(nameOf('box', at), { width, height });
    within(nameOf('box', at), { group });
  }
  for (const { from, to } of graph.arrows) placed.setEdge(nameOf('box', from), nameOf('box', to), {});
  // What a group reads stands before its head, and its head before all in it. These arrows are not drawn.
  const around = graph.boxes.map(({ group }) => groupsAround(graph, group));
  const before = (one: string, other: string): unknown => placed.setEdge(one, other, { weight: 0 });
  for (const [at, { group }] of graph.groups.entries()) {
    const [head, isWithin] = [nameOf('head', at), (box: number) => around[box].includes(at)];
    if (group !== null) before(nameOf('head', group), head);
    for (const { from, to } of graph.arrows) {
      if (isWithin(to) && !isWithin(from)) before(nameOf('box', from), head);
    }
    for (const [box, { group: own }] of graph.boxes.entries()) {
      const follows = graph.arrows.some(({ from, to }) => to === box && isWithin(from));
      if (own === at && !follows) before(head, nameOf('box', box));
    }
  }
  layout(placed);
  const area = (name: string): Area => {
    const { x = 0, y = 0, width = 0, height = 0 } = placed.node(name);
    return { x, y, width, height };
  };
  const { width = 0, height = 0 } = placed.graph();
  return {
    width,
    height,
    boxes: graph.boxes.map((_, at) => area(nameOf('box', at))),
    groups: graph.groups.map((_, at) => area(nameOf('group', at))),
    heads: graph.groups.map((_, at) => area(nameOf('head', at))),
    arrows: graph.arrows.map(({ from, to }) => placed.edge(nameOf('box', from), nameOf('box', to)).points ?? []),
  };
}

/** A group and all that it lies in. */
function groupsAround({ groups }: GraphToPlace, innermost: number | null): number[] {
  const around: number[] = [];
  for (let at = innermost; at !== null; at = groups[at].group) around.push(at);
  return around;
}
