/** How objects show themselves in Node's `console.log`, which else would print what they are made of. */

/** The method that Node calls for it; browsers have none of the kind. */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** `Adam(learningRate: 0.001, beta1: 0.9)`. */
export const withSettings = (name: string, settings: object): string =>
  `${name}(${Object.entries(settings)
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ')})`;
