/** How a saved layer is made again. */

import { describe } from '../../base/describe.ts';
import { ArgumentError, DataError } from '../../base/errors.ts';
import { meant } from '../../base/optionNames.ts';
import { quote } from '../../io/quote.ts';
import type { Loss } from '../losses.ts';
import type { Metric } from '../metrics.ts';
import * as layers from './index.ts';
import { type AnyLayer, Layer, type LayerConfig, type LayerOptions } from './layer.ts';
import { type LoadableLayer, SavedLayer } from './savedLayer.ts';

/** Makes a layer of one's own again: from what its `config()` gave, with the options (`name`, `trainable`) that it had. */
export type LayerMaker = (config: LayerConfig, options: LayerOptions) => AnyLayer;

/** Parts of one's own by the names that files have for them. */
export type CustomObjects = Readonly<Record<string, LayerMaker | Loss | Metric>>;

const { activations: _, input: __, Layer: ___, SymbolicTensor: ____, ...classes } = layers;

/** The library's layers by the class names that files have for them. */
export const layerClasses = classes satisfies Readonly<Record<string, LoadableLayer>>;

const known: Readonly<Record<string, LoadableLayer>> = layerClasses;

/** A layer of the user's own; null where there is no maker for it. */
function customLayer(className: string, config: LayerConfig, options: LayerOptions, custom: CustomObjects) {
  const make = Object.hasOwn(custom, className) ? custom[className] : undefined;
  if (make === undefined) return null;
  const who = `load: customObjects.${className}`;
  if (typeof make !== 'function') {
    throw new ArgumentError(
      `${who}: expected a function, got ${describe(make)}. Write (config, options) => new ${className}(config, options).`,
    );
  }
  const layer: unknown = make(config, options);
  if (!(layer instanceof Layer)) {
    throw new ArgumentError(
      `${who}: expected it to make a layer, got ${describe(layer)}. Return an object of your class.`,
    );
  }
  if (
    layer.givenName === (options.name ?? null) &&
    layer.className === className &&
    layer.trainable === (options.trainable ?? true)
  )
    return layer;
  throw new ArgumentError(
    `${who}: expected the layer '${options.name}' of class '${className}'. Hand the options on to the constructor, and from there to super.`,
  );
}

/**
 * The layer that a saved class name and settings describe. `custom`: layers of the user's own, which go before the library's.
 */
export function makeLayer(
  className: string,
  config: LayerConfig,
  options: LayerOptions,
  custom: CustomObjects = {},
): AnyLayer {
  const own = customLayer(className, config, options, custom);
  if (own !== null) return own;
  if (!Object.hasOwn(known, className)) {
    throw new DataError(
      `The file holds a layer of class ${quote(className)}, which is none of the library's.${meant(className, Object.keys(known))} ` +
        `Pass it as customObjects: { ${/^\w{1,40}$/.test(className) ? className : 'Name'}: (config, options) => … }, or build the model in code and load its weights with load().`,
    );
  }
  const settings = Object.entries(config).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return known[className].fromConfig(new SavedLayer(`the layer '${className}'`, Object.fromEntries(settings)), options);
}
