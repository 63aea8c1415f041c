/** How layers are called: by the names that they were given, else by Keras'. */

import { ArgumentError } from '../base/errors.ts';
import type { AnyLayer } from '../nn/layers/layer.ts';

/** What of a layer decides its name. */
type Nameable = Pick<AnyLayer, 'className' | 'givenName'>;

/** Names for layers that stand side by side. */
export class Names {
  readonly #given: ReadonlySet<string | null>;
  readonly #counts = new Map<string, number>();
  readonly #taken = new Set<string>();

  /** `layers`: as far as they are known; a name that one of them was given is no other's. */
  constructor(layers: readonly Nameable[]) {
    this.#given = new Set(layers.map(({ givenName }) => givenName));
  }

  /** @throws ArgumentError for a name that was given twice */
  next({ className, givenName }: Nameable): string {
    const name = givenName ?? this.#unique(className);
    if (this.#taken.has(name)) {
      throw new ArgumentError(`Two layers are called '${name}'. Give each layer a name of its own.`);
    }
    this.#taken.add(name);
    return name;
  }

  /** Keras' name: `max_pooling2d`, `conv2d_transpose`, then `max_pooling2d_1`; none that was given to a layer by hand. */
  #unique(className: string): string {
    const base = className
      .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
      .replace(/([a-z])([A-Z])/g, '$1_$2')
      .toLowerCase();
    let name: string;
    do {
      const count = this.#counts.get(base) ?? 0;
      this.#counts.set(base, count + 1);
      name = count === 0 ? base : `${base}_${count}`;
    } while (this.#given.has(name) || this.#taken.has(name));
    return name;
  }
}

/** The names of layers that stand side by side. */
export function layerNames(layers: readonly Nameable[]): string[] {
  const names = new Names(layers);
  return layers.map((layer) => names.next(layer));
}
