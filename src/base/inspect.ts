/** How objects show themselves in Node's `console.log`, which else would print what they are made of. */

/** The method that Node calls for it; browsers have none of the kind. */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** `Adam(learningRate: 0.001, beta1: 0.9)`: what is set, but for initializers, which would make it long. */
export const withSettings = (name: string, settings: object): string =>
  `${name}(${Object.entries(settings)
    .filter(([key, value]) => (value ?? null) !== null && !key.endsWith('Initializer'))
    .map(([key, value]) => `${key}: ${Array.isArray(value) ? `[${value.join(', ')}]` : value}`)
    .join(', ')})`;
