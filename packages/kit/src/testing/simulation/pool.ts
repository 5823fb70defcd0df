import { Worker } from "node:worker_threads";

import type { PlantedBug } from "./plant.ts";
import type { SimResult } from "./result.ts";
import type { Simulation } from "./simulation.ts";

/** `only`: of the faults that the seed plans, those at these places. `twice`: run it again and compare the traces. */
export type Task = { seed: number; only: readonly number[] | null; twice: boolean };

export type PoolOptions = {
  workers: number;
  /** Planted in all of them. */
  bug?: PlantedBug;
};

/** Threads that simulate, each with its own copy of the product. */
export class SimPool {
  readonly #workers: Worker[];

  constructor({ worlds, sources }: Simulation, { workers, bug }: PoolOptions) {
    const url = new URL("worker.ts", import.meta.url);
    const workerData = { worlds, sources, bug: bug ?? null };
    this.#workers = Array.from({ length: workers }, () => new Worker(url, { workerData }));
  }

  /** Runs tasks in parallel, begun in their order, until they are all done or `done` answers true. Results come as they are ready. */
  async run(tasks: Iterable<Task>, done: (result: SimResult) => boolean | void): Promise<void> {
    const iterator = tasks[Symbol.iterator]();
    let isOver = false;
    const work = async (worker: Worker): Promise<void> => {
      for (let next = iterator.next(); !next.done && !isOver; next = iterator.next())
        if (done(await ask(worker, next.value)) === true) isOver = true;
    };
    await Promise.all(this.#workers.map(work));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function ask(worker: Worker, task: Task): Promise<SimResult> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      worker.off("message", answered);
      worker.off("error", failed);
    };
    const answered = (result: SimResult): void => {
      settle();
      resolve(result);
    };
    const failed = (error: Error): void => {
      settle();
      reject(new Error(`the worker died at seed ${task.seed}`, { cause: error }));
    };
    worker.on("message", answered);
    worker.on("error", failed);
    worker.postMessage(task);
  });
}

export function* seedsFrom(from: number, count: number, twiceEvery: number): Generator<Task> {
  for (let seed = from; seed < from + count; seed++)
    yield { seed, only: null, twice: twiceEvery > 0 && seed % twiceEvery === 0 };
}
