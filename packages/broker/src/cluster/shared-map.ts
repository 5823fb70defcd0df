const BUCKETS = 256;

type Key = string | number;

/** An immutable map whose successor shares everything but the few buckets that changed. */
export class SharedMap<K extends Key, V> implements ReadonlyMap<K, V> {
  readonly #buckets: readonly ReadonlyMap<K, V>[];
  readonly size: number;

  private constructor(buckets: readonly ReadonlyMap<K, V>[], size: number) {
    this.#buckets = buckets;
    this.size = size;
  }

  static empty<K extends Key, V>(): SharedMap<K, V> {
    const nothing: ReadonlyMap<K, V> = new Map();
    return new SharedMap(
      Array.from({ length: BUCKETS }, () => nothing),
      0,
    );
  }

  /** The map with these entries set; `undefined` removes a key. */
  with(changes: Iterable<readonly [K, V | undefined]>): SharedMap<K, V> {
    const buckets = [...this.#buckets];
    const copied = new Map<number, Map<K, V>>();
    let size = this.size;
    for (const [key, value] of changes) {
      const at = bucketOf(key);
      const bucket = copied.get(at) ?? new Map(buckets[at]);
      copied.set(at, bucket);
      buckets[at] = bucket;
      size -= bucket.size;
      if (value === undefined) bucket.delete(key);
      else bucket.set(key, value);
      size += bucket.size;
    }
    return copied.size === 0 ? this : new SharedMap(buckets, size);
  }

  get(key: K): V | undefined {
    return this.#buckets[bucketOf(key)]!.get(key);
  }

  has(key: K): boolean {
    return this.#buckets[bucketOf(key)]!.has(key);
  }

  forEach(visit: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }

  *entries(): MapIterator<[K, V]> {
    for (const bucket of this.#buckets) yield* bucket.entries();
  }

  *keys(): MapIterator<K> {
    for (const bucket of this.#buckets) yield* bucket.keys();
  }

  *values(): MapIterator<V> {
    for (const bucket of this.#buckets) yield* bucket.values();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }
}

/** FNV-1a over the characters. */
function bucketOf(key: Key): number {
  if (typeof key === "number") return Math.abs(key) % BUCKETS;
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % BUCKETS;
}
