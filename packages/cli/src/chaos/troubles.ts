/** What reached an application although its client had tried again: how often, and the first few in words. */
export type Troubles = { readonly count: number; readonly first: readonly string[] };

/** Different ones; an outage says the same thing thousands of times. */
const firstMax = 5;

export class TroubleList implements Troubles {
  count = 0;
  readonly first: string[] = [];

  add(error: unknown): void {
    this.count++;
    const text = error instanceof Error ? error.message : String(error);
    if (this.first.length < firstMax && !this.first.includes(text)) this.first.push(text);
  }
}
