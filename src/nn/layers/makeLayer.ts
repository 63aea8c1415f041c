/** How a saved layer is made again. */

import { describe } from '../../base/describe.ts';
import { ArgumentError, DataError } from '../../base/errors.ts';
import type { Padding } from '../../base/shape.ts';
import { quote } from '../../io/quote.ts';
import { isInitializerName } from '../initializers.ts';
import type { Loss } from '../losses.ts';
import type { Metric } from '../metrics.ts';
import { checkActivation } from './activations.ts';
import { BatchNormalization } from './batchNormalization.ts';
import { Conv2D } from './conv2d.ts';
import { Dense } from './dense.ts';
import { type InitializerLike, Layer, type LayerConfig, type LayerOptions } from './layer.ts';
import { Activation, Dropout, Rescaling } from './pointwise.ts';
import { AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D } from './pooling.ts';
import { Flatten, Reshape } from './reshaping.ts';

/** Reads one setting after another, and says which one is wrong. */
class Settings {
  readonly #config: LayerConfig;
  readonly #who: string;

  constructor(config: LayerConfig, who: string) {
    this.#config = config;
    this.#who = who;
  }

  #fail(name: string, expected: string): never {
    throw new DataError(
      `A saved layer ${this.#who} has ${name} = ${describe(this.#config[name])}, expected ${expected}. Save the model again.`,
    );
  }
  number(name: string): number {
    const value = this.#config[name];
    return typeof value === 'number' ? value : this.#fail(name, 'a number');
  }
  flag(name: string): boolean {
    const value = this.#config[name];
    return typeof value === 'boolean' ? value : this.#fail(name, 'true or false');
  }
  text(name: string): string {
    const value = this.#config[name];
    return typeof value === 'string' ? value : this.#fail(name, 'a text');
  }
  list(name: string): readonly number[] {
    const value = this.#config[name];
    const isNumbers = Array.isArray(value) && value.every((one) => typeof one === 'number');
    return isNumbers ? value : this.#fail(name, 'a list of numbers');
  }
  pair(name: string): readonly [number, number] {
    const [a, b] = this.list(name);
    return [a, b];
  }
  padding(name: string): Padding {
    const value = this.text(name);
    return value === 'same' || value === 'valid' ? value : this.#fail(name, "'same' or 'valid'");
  }
  /** A function has no name to be saved by: the weights come from the file anyway. */
  initializer(name: string): InitializerLike | undefined {
    const value = this.#config[name];
    return typeof value === 'string' && isInitializerName(value) ? value : undefined;
  }
}

/** Makes a layer of one's own again: from what its `config()` gave, with the options (`name`, `trainable`) that it had. */
export type LayerMaker = (config: LayerConfig, options: LayerOptions) => Layer;

/** Parts of one's own by the names that files have for them. */
export type CustomObjects = Readonly<Record<string, LayerMaker | Loss | Metric>>;

type Maker = (settings: Settings, options: LayerOptions) => Layer;

const makers: Readonly<Record<string, Maker>> = {
  Dense: (s, options) =>
    new Dense(s.number('units'), {
      ...options,
      activation: checkActivation(s.text('activation'), 'Dense'),
      useBias: s.flag('useBias'),
      kernelInitializer: s.initializer('kernelInitializer'),
      biasInitializer: s.initializer('biasInitializer'),
    }),
  Conv2D: (s, options) =>
    new Conv2D(s.number('filters'), s.pair('kernelSize'), {
      ...options,
      strides: s.pair('strides'),
      padding: s.padding('padding'),
      activation: checkActivation(s.text('activation'), 'Conv2D'),
      useBias: s.flag('useBias'),
      kernelInitializer: s.initializer('kernelInitializer'),
      biasInitializer: s.initializer('biasInitializer'),
    }),
  MaxPooling2D: (s, options) =>
    new MaxPooling2D(s.pair('poolSize'), { ...options, strides: s.pair('strides'), padding: s.padding('padding') }),
  AveragePooling2D: (s, options) =>
    new AveragePooling2D(s.pair('poolSize'), { ...options, strides: s.pair('strides'), padding: s.padding('padding') }),
  GlobalAveragePooling2D: (_, options) => new GlobalAveragePooling2D(options),
  Flatten: (_, options) => new Flatten(options),
  Reshape: (s, options) => new Reshape(s.list('targetShape'), options),
  Activation: (s, options) => new Activation(checkActivation(s.text('activation'), 'Activation'), options),
  Dropout: (s, options) => new Dropout(s.number('rate'), options),
  Rescaling: (s, options) => new Rescaling(s.number('scale'), { ...options, offset: s.number('offset') }),
  BatchNormalization: (s, options) =>
    new BatchNormalization({
      ...options,
      momentum: s.number('momentum'),
      epsilon: s.number('epsilon'),
      center: s.flag('center'),
      scale: s.flag('scale'),
    }),
};

/** A layer of the user's own; null where there is no maker for it. */
function customLayer(className: string, config: LayerConfig, options: LayerOptions, known: CustomObjects) {
  const make = Object.hasOwn(known, className) ? known[className] : undefined;
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
    layer.givenName === options.name &&
    layer.className === className &&
    layer.trainable === (options.trainable ?? true)
  )
    return layer;
  throw new ArgumentError(
    `${who}: expected the layer '${options.name}' of class '${className}'. Hand the options on to the constructor, and from there to super.`,
  );
}

/**
 * The layer that a saved class name and settings describe. `known`: layers of the user's own, which go before the library's.
 */
export function makeLayer(
  className: string,
  config: LayerConfig,
  options: LayerOptions,
  known: CustomObjects = {},
): Layer {
  const custom = customLayer(className, config, options, known);
  if (custom !== null) return custom;
  const make = Object.hasOwn(makers, className) ? makers[className] : undefined;
  if (make === undefined) {
    throw new DataError(
      `The file holds a layer of class ${quote(className)}, which is not one of ${Object.keys(makers).join(', ')}. ` +
        `Pass it as customObjects: { ${/^\w{1,40}$/.test(className) ? className : 'Name'}: (config, options) => … }, or build the model in code and load its weights with load().`,
    );
  }
  return make(new Settings(config, `'${className}'`), options);
}
