import { SeededRandom } from "@odradek/kit/testing";
import { fair, Link, type Weather } from "./link.ts";

/** A node and the address that the others dial to reach it. */
export type Endpoint = { readonly name: string; readonly port: number };

/**
 * The links between the nodes of one cluster, each direction with a weather of its own. A direction counts for all connections
 * between two nodes, whoever dialled: what does not get from A to B is lost on each of them.
 */
export class Network {
  readonly #seed: number;
  readonly #links: Link[] = [];
  readonly #weather = new Map<string, Weather>();
  /** By source, what it must dial instead of each other node's address. */
  readonly #routes = new Map<string, string[]>();

  private constructor(seed: number) {
    this.#seed = seed;
  }

  /** Opens a link from every node to every node it may dial; `seed` draws the jitter on each. */
  static async open(
    seed: number,
    sources: readonly string[],
    targetsOf: (source: string) => readonly Endpoint[],
  ): Promise<Network> {
    const network = new Network(seed);
    for (const source of sources) for (const target of targetsOf(source)) await network.#open(source, target);
    return network;
  }

  /** For the environment of a node. */
  routes(source: string): string {
    return (this.#routes.get(source) ?? []).join(",");
  }

  set(from: string, to: string, weather: Partial<Weather>): void {
    this.#weather.set(`${from} > ${to}`, { ...fair, ...weather });
  }

  heal(): void {
    this.#weather.clear();
  }

  close(): void {
    for (const link of this.#links) link.close();
  }

  async #open(source: string, target: Endpoint): Promise<void> {
    const link = await Link.open(target.port, {
      there: () => this.#weather.get(`${source} > ${target.name}`) ?? fair,
      back: () => this.#weather.get(`${target.name} > ${source}`) ?? fair,
      random: new SeededRandom(this.#seed + this.#links.length),
    });
    this.#links.push(link);
    const routes = this.#routes.get(source) ?? [];
    this.#routes.set(source, routes);
    routes.push(`127.0.0.1:${target.port}=127.0.0.1:${link.port}`);
  }
}
