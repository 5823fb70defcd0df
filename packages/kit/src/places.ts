import { resolve, sep } from "node:path";

/** A path at which something is, or below which something is. */
export class Place<Item> {
  readonly items = new Set<Item>();
  readonly children = new Map<string, Place<Item>>();
  parent: Place<Item> | null;
  name: string;

  constructor(parent: Place<Item> | null, name: string) {
    this.parent = parent;
    this.name = name;
  }

  get path(): string {
    return this.#names().join(sep);
  }

  add(item: Item): void {
    this.items.add(item);
  }

  delete(item: Item): void {
    this.items.delete(item);
    this.#prune();
  }

  /** Nothing leads here from above any more. */
  detach(): void {
    if (this.parent?.children.get(this.name) !== this) return;
    this.parent.children.delete(this.name);
    this.parent.#prune();
  }

  #names(): string[] {
    return this.parent === null ? [] : [...this.parent.#names(), this.name];
  }

  #prune(): void {
    if (this.items.size === 0 && this.children.size === 0) this.detach();
  }
}

/** What is open, by path: a rename takes along whatever is at the path and below it, in one step. */
export class Places<Item> {
  readonly #root = new Place<Item>(null, "");

  at(path: string): Place<Item> {
    return this.#reach(namesOf(path));
  }

  /** What was at `from` and below it is at `to`, where nothing may be. */
  move(from: string, to: string): void {
    const place = this.#detach(from);
    if (place === null) return;
    const names = namesOf(to);
    place.name = names.pop()!;
    place.parent = this.#reach(names);
    place.parent.children.set(place.name, place);
  }

  /** Takes out everything at the path and below it. The items' places still tell the path. */
  take(path: string): Item[] {
    const place = this.#detach(path);
    return place === null ? [] : [...itemsIn(place)];
  }

  #reach(names: readonly string[]): Place<Item> {
    let place = this.#root;
    for (const name of names) {
      let next = place.children.get(name);
      if (next === undefined) {
        next = new Place(place, name);
        place.children.set(name, next);
      }
      place = next;
    }
    return place;
  }

  #detach(path: string): Place<Item> | null {
    let place: Place<Item> | undefined = this.#root;
    for (const name of namesOf(path)) {
      place = place.children.get(name);
      if (place === undefined) return null;
    }
    place.detach();
    return place;
  }
}

function* itemsIn<Item>(place: Place<Item>): Generator<Item, void, void> {
  yield* place.items;
  for (const child of place.children.values()) yield* itemsIn(child);
}

const namesOf = (path: string): string[] => resolve(path).split(sep);
