/** A map that keeps what was used last, within a number of entries and a total weight. */

export interface LruOptions<V> {
  /** Most entries. */
  readonly entries: number;
  /** Most weight of all entries together, default: no limit. */
  readonly weight?: number;
  /** What an entry weighs, default 0. */
  weigh?(value: V): number;
  /** Told of what has to go. */
  dropped?(value: V): void;
}

export class LruMap<K, V> {
  // A Map lists its entries as they were set: the first one is the one used longest ago.
  readonly #values = new Map<K, V>();
  readonly #options: LruOptions<V>;
  #weight = 0;

  constructor(options: LruOptions<V>) {
    this.#options = options;
  }

  get size(): number {
    return this.#values.size;
  }

  /** Weight of all entries. */
  get weight(): number {
    return this.#weight;
  }

  get(key: K): V | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /** Adds a value under a key that is not in the map; drops others until it fits. */
  add(key: K, value: V): void {
    const { entries, weight = Number.POSITIVE_INFINITY } = this.#options;
    const own = this.#weigh(value);
    for (const [other, dropped] of this.#values) {
      if (this.#values.size < entries && this.#weight + own <= weight) break;
      this.#values.delete(other);
      this.#weight -= this.#weigh(dropped);
      this.#options.dropped?.(dropped);
    }
    this.#values.set(key, value);
    this.#weight += own;
  }

  /** Forgets all entries without telling of them. */
  clear(): void {
    this.#values.clear();
    this.#weight = 0;
  }

  #weigh(value: V): number {
    return this.#options.weigh?.(value) ?? 0;
  }
}
