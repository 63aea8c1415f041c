/** What poolings of images and of sequences have in common: a window that moves over them. */

import { checkOptions } from '../../base/optionNames.ts';
import type { Padding } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { checkPadding, LAYER_OPTIONS, Layer, type LayerConfig, type LayerOptions } from './layer.ts';

/** How a window moves; `Size`: its extent along each axis that it moves along. */
export interface Window<Size> {
  readonly poolSize: Size;
  readonly strides: Size;
  readonly padding: Padding;
}

/** `Size`: as it is kept, `Given`: as it may be given. */
export abstract class Pooling<Size extends number | readonly number[], Given> extends Layer implements Window<Size> {
  readonly poolSize: Size;
  readonly strides: Size;
  readonly padding: Padding;

  /** @param sizeOf checks an extent that is called so */
  constructor(
    who: string,
    poolSize: Given,
    options: LayerOptions & { readonly strides?: Given; readonly padding?: Padding },
    sizeOf: (size: Given, name: string) => Size,
  ) {
    checkOptions(who, options, { ...LAYER_OPTIONS, strides: true, padding: true });
    super(options);
    this.poolSize = sizeOf(poolSize, 'poolSize');
    this.strides = sizeOf(options.strides ?? poolSize, 'strides');
    this.padding = checkPadding(who, options.padding ?? 'valid');
  }

  /** @internal */
  protected abstract pool(x: Tensor, options: Window<Size>): Tensor;

  call(x: Tensor): Tensor {
    return this.pool(x, { poolSize: this.poolSize, strides: this.strides, padding: this.padding });
  }

  config(): LayerConfig {
    return { poolSize: this.poolSize, strides: this.strides, padding: this.padding };
  }
}
