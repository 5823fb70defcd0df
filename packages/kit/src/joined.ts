/** Work that many ask for at the same time: whoever asks while it runs gets the next run, together with all who ask until that begins. */
export class Joined {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Nobody waits for it. */
  get isIdle(): boolean {
    return this.#running === null;
  }

  /** Resolves, or rejects, with a run that began after the call. */
  run(): Promise<void> {
    if (this.#running === null) return this.#start();
    return (this.#next ??= this.#running.catch(() => undefined).then(() => this.#start())); // its askers are told
  }

  #start(): Promise<void> {
    this.#next = null;
    const run = this.#work().finally(() => {
      if (this.#running === run && this.#next === null) this.#running = null;
    });
    this.#running = run;
    return run;
  }
}
