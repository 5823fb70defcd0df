/** Who is connected: bounds the connections of all listeners together, and of each address (RELIABILITY N-08). */
export class Census {
  readonly #connectionsMax: number;
  readonly #perAddressMax: number;
  readonly #byAddress = new Map<string, number>();
  #count = 0;

  constructor(bounds: { connectionsMax: number; connectionsPerAddressMax: number }) {
    this.#connectionsMax = bounds.connectionsMax;
    this.#perAddressMax = bounds.connectionsPerAddressMax;
  }

  get count(): number {
    return this.#count;
  }

  /** Counts a connection in; false when it is one too many, and then it is not counted. */
  enter(address: string): boolean {
    const here = this.#byAddress.get(address) ?? 0;
    if (this.#count >= this.#connectionsMax || here >= this.#perAddressMax) return false;
    this.#count++;
    this.#byAddress.set(address, here + 1);
    return true;
  }

  leave(address: string): void {
    this.#count--;
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, left);
  }
}
