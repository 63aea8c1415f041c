/** One box of a model's picture: what it says, how large it is, how it looks. */

import { textWidth } from '#raster';
import { formatShape, type Shape, sizeOf } from '../base/shape.ts';
import { isTrainable, type Network, type Placed } from '../network/network.ts';
import type { Area, Size } from './graphLayout.ts';
import { SLACK } from './heading.ts';
import type { Box } from './modelGraph.ts';
import { PALETTE, tint } from './palette.ts';
import { type TextStyle, text } from './svgText.ts';

/** What boxes say of their layers; see `PlotModelOptions`. */
export interface BoxOptions {
  readonly showShapes: boolean;
  readonly showLayerNames: boolean;
  readonly showLayerActivations: boolean;
  readonly showTrainable: boolean;
}

/** Words of one style, behind each other on a line. */
interface Words {
  readonly content: string;
  readonly style: TextStyle;
}
type Line = readonly Words[];

/** How a box looks that has a size and no place yet. */
export interface Look extends Size {
  readonly lines: readonly Line[];
  readonly fill: string;
  readonly stroke: string;
  readonly dashed: boolean;
  /** Of the corners. */
  readonly radius: number;
}

const CLASS = { size: 14, bold: true } as const;
const NAME = { size: 13, color: '#444444' } as const;
const PLAIN = { size: 13 } as const;
const LEADING = 18;
const PAD = 10;
const GAP = 6;
const LEAST_WIDTH = 90;
/** Names and lists that are longer are cut: they may come out of a file. */
const MOST_LETTERS = 40;
const MOST_SHAPES = 3;

const [WEIGHTY, END, , NESTED] = PALETTE;
/** Strokes and fills by what a box is. */
const COLORS = {
  weighty: { stroke: WEIGHTY, fill: tint(WEIGHTY, 0.06) },
  weightless: { stroke: '#767676', fill: '#f7f7f7' },
  end: { stroke: END, fill: tint(END, 0.06) },
  operations: { stroke: '#767676', fill: '#ffffff' },
  cluster: { stroke: NESTED, fill: tint(NESTED, 0) },
} as const;

/** What a box or a cluster looks like in a model. */
export class Looks {
  readonly #layers: readonly Placed[];
  readonly #options: BoxOptions;
  /** Layers with several boxes, which share the weights. */
  readonly #shared: ReadonlySet<Placed>;
  readonly #widths = new Map<string, number>();

  constructor({ layers }: Network, boxes: readonly Box[], options: BoxOptions) {
    this.#layers = layers;
    this.#options = options;
    const placed = boxes.flatMap((box) => (box.kind === 'layer' ? [box.placed] : []));
    this.#shared = new Set(placed.filter((one, at) => placed.indexOf(one) < at));
  }

  of(box: Box): Look {
    if (box.kind === 'operations') {
      const { names } = box;
      const content = names.length > MOST_SHAPES ? `${names.slice(0, MOST_SHAPES).join(', ')}, …` : names.join(', ');
      return this.#look([[{ content, style: NAME }]], COLORS.operations, { radius: 12 });
    }
    if (box.kind !== 'layer') {
      const named = box.name !== box.kind.toLowerCase();
      const head = headOf(box.kind, named && this.#options.showLayerNames ? box.name : '');
      return this.#look([head, ...this.#shapes(formatShape(box.shape))], COLORS.end, { radius: 16 });
    }
    const { placed, reads, makes } = box;
    const weights = this.#weights(placed);
    const lines = [
      this.#head(placed),
      ...this.#shapes(`${listed(reads)} → ${listed(makes)}`),
      ...(weights === null ? [] : [[{ content: weights.content, style: PLAIN }]]),
    ];
    return this.#look(lines, weights === null ? COLORS.weightless : COLORS.weighty, {
      dashed: weights?.frozen ?? false,
    });
  }

  /** A frame around the layers that one holds, and its head. */
  ofCluster(placed: Placed): Look {
    const weights = this.#weights(placed);
    const lines = [this.#head(placed), ...(weights === null ? [] : [[{ content: weights.content, style: PLAIN }]])];
    return this.#look(lines, COLORS.cluster, { dashed: weights?.frozen ?? false, radius: 8 });
  }

  #head({ layer, name, holders }: Placed): Line {
    const { showLayerNames, showLayerActivations } = this.#options;
    const activation = showLayerActivations ? layer.config().activation : null;
    const holder = this.#layers.find((one) => one.layer === holders.at(-1));
    // The cluster says its name.
    const own = holder === undefined ? name : name.slice(holder.name.length + 1);
    const head = headOf(layer.className, showLayerNames ? own : '');
    const isGiven = typeof activation === 'string' && activation !== 'linear';
    return isGiven ? [...head, { content: activation, style: { ...PLAIN, color: END } }] : head;
  }

  #shapes(content: string): Line[] {
    return this.#options.showShapes ? [[{ content, style: PLAIN }]] : [];
  }

  /** What is said of a layer's weights, and those of the layers that it holds; null where there are none. */
  #weights(placed: Placed): { readonly content: string; readonly frozen: boolean } | null {
    const parts = this.#layers.filter((one) => one === placed || one.holders.includes(placed.layer));
    const count = parts.reduce((sum, { specs }) => specs.reduce((own, { shape }) => own + sizeOf(shape), sum), 0);
    if (count === 0) return null;
    const learning = parts.filter(({ specs }) => specs.some(({ trainable }) => trainable));
    const still = learning.filter((one) => !isTrainable(one)).length;
    const frozen = this.#options.showTrainable && still > 0 && still === learning.length;
    return {
      frozen,
      content: [
        parameters(count),
        ...(this.#shared.has(placed) ? ['shared'] : []),
        ...(frozen ? ['frozen'] : this.#options.showTrainable && still > 0 ? ['partly frozen'] : []),
      ].join(', '),
    };
  }

  #look(
    lines: readonly Line[],
    colors: { readonly stroke: string; readonly fill: string },
    { dashed = false, radius = 4 }: { dashed?: boolean; radius?: number },
  ): Look {
    const width = Math.max(LEAST_WIDTH, ...lines.map((line) => this.#widthOf(line) + 2 * PAD));
    return { ...colors, lines, dashed, radius, width: Math.ceil(width), height: lines.length * LEADING + PAD };
  }

  #widthOf(line: Line): number {
    return line.reduce((sum, words) => sum + this.#wordsWidth(words) + GAP, -GAP);
  }

  /** Measuring draws, and the layers of a model say much the same. */
  #wordsWidth({ content, style }: Words): number {
    const key = `${style.size} ${style.bold ?? false} ${content}`;
    const width = this.#widths.get(key) ?? textWidth(content, style) * SLACK;
    this.#widths.set(key, width);
    return width;
  }

  /** A box in its place; `head`: the part of it in which its words stand. */
  draw({ lines, fill, stroke, dashed, radius }: Look, area: Area, head = area): string {
    const { width, height } = area;
    const [x, y] = [round(area.x - width / 2), round(area.y - height / 2)];
    const dash = dashed ? ' stroke-dasharray="5 3"' : '';
    const frame =
      `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="${fill}" stroke="${stroke}" ` +
      `stroke-width="1.25"${dash}/>`;
    const words = lines.map((line, at) =>
      this.#line(line, head.x, round(head.y - head.height / 2 + PAD / 2 + at * LEADING + 13.5)),
    );
    return frame + words.join('');
  }

  /** In the middle, each of its words as wide as it may be. */
  #line(line: Line, middle: number, y: number): string {
    let x = middle - this.#widthOf(line) / 2;
    return line
      .map((words) => {
        const width = this.#wordsWidth(words);
        const svg = text(round(x + width / 2), y, words.content, { ...words.style, anchor: 'middle' });
        x += width + GAP;
        return svg;
      })
      .join('');
  }
}

/** `1,234 parameters` */
export const parameters = (count: number): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? 'parameter' : 'parameters'}`;

/** Places are given in tenths of a unit. */
export const round = (value: number): number => Math.round(value * 10) / 10;

function headOf(className: string, name: string): Line {
  const head = { content: cut(className), style: CLASS };
  return name === '' ? [head] : [head, { content: cut(name), style: NAME }];
}

const cut = (name: string): string => (name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS)}…` : name);

function listed(shapes: readonly Shape[]): string {
  const few = shapes.length > MOST_SHAPES ? shapes.slice(0, MOST_SHAPES - 1) : shapes;
  const more = shapes.length - few.length;
  return [...few.map(formatShape), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
