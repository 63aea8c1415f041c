/** What layers have in common whose kernel moves over images. */

import { ArgumentError, ShapeError } from '../../base/errors.ts';
import {
  type ConvPadding,
  formatShape,
  type Margins,
  type Padding,
  type Pair,
  paddingOf,
  pairOf,
  type Shape,
} from '../../base/shape.ts';
import { ActivatedLayer, type BiasSettings, type KernelSettings } from './kernel.ts';
import { checkCount, type LayerConfig, type LayerOptions } from './layer.ts';

/** How a kernel moves over images. */
export interface SlidingLayerOptions {
  /** [vertical, horizontal], or one number for both; default 1. */
  readonly strides?: Pair;
  /**
   * `valid` (default) takes whole windows only, `same` pads with zeros, so that stride 1 keeps height and width. Or pixels of
   * zeros: a number for all sides, [vertical, horizontal], or [[above, below], [left, right]].
   */
  readonly padding?: ConvPadding;
  /** Pixels from one tap of the kernel to the next: [vertical, horizontal], or one number for both; default 1. */
  readonly dilationRate?: Pair;
}

/** Their names. */
export const SLIDING_OPTIONS = { strides: true, padding: true, dilationRate: true } as const;

/** The same with their defaults. */
export interface Sliding {
  readonly strides: readonly [number, number];
  readonly padding: Padding | readonly [Margins, Margins];
  readonly dilationRate: readonly [number, number];
}

/** @throws ArgumentError for what is outside its range */
export const slidingOf = (
  who: string,
  { strides = 1, padding = 'valid', dilationRate = 1 }: SlidingLayerOptions,
): Sliding => ({
  strides: pairOf(strides, `${who} strides`),
  padding: paddingOf(padding, who),
  dilationRate: pairOf(dilationRate, `${who} dilationRate`),
});

/** A layer whose kernel moves over images. */
export abstract class SlidingLayer<Settings extends BiasSettings = KernelSettings> extends ActivatedLayer<Settings> {
  /** [height, width] */
  readonly kernelSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding | readonly [Margins, Margins];
  readonly dilationRate: readonly [number, number];

  constructor(who: string, kernelSize: Pair, options: SlidingLayerOptions & LayerOptions) {
    super(options);
    this.kernelSize = pairOf(kernelSize, `${who} kernelSize`);
    const { strides, padding, dilationRate } = slidingOf(who, options);
    this.strides = strides;
    this.padding = padding;
    this.dilationRate = dilationRate;
  }
}

/** What is saved of them. */
export const slidingConfig = ({ strides, padding, dilationRate }: Sliding): LayerConfig => ({
  strides,
  padding: typeof padding === 'string' ? padding : padding.flat(),
  dilationRate,
});

/** @throws ArgumentError unless so many filters can be shared by the groups */
export function checkGroups(who: string, groups = 1, filters = 1): number {
  checkCount(who, 'groups', groups);
  if (filters % groups === 0) return groups;
  throw new ArgumentError(
    `${who}: ${groups} groups cannot share ${filters} filters equally. Give a multiple of the groups as filters.`,
  );
}

/** Channels that a group of filters sees. @throws ShapeError unless the groups can share the inputs' channels */
export function inputsOfGroup(input: Shape, groups: number, who: string): number {
  const channels = input[input.length - 1];
  if (channels % groups === 0) return channels / groups;
  throw new ShapeError(
    `${who} has ${groups} groups, which cannot share the ${channels} channels of ${formatShape(input)} equally. Give groups that divide them.`,
  );
}
