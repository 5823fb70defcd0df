import { createInterface } from "node:readline";
import { Failure } from "../../terminal/failure.ts";
import { tell, type OutputOptions } from "../../terminal/output.ts";
import { openStoreSession } from "../connection.ts";
import { readerOf, type StoreSession } from "../past.ts";
import { timeoutMsOf, type MetaOptions } from "../target.ts";
import { help, runCommand } from "./commands.ts";
import { complete, type Completion } from "./complete.ts";
import type { Place } from "./place.ts";
import { splitWords } from "./words.ts";

type Offered = (error: null, completion: Completion) => void;

export type ShellParts = {
  input: NodeJS.ReadableStream;
  /** Where prompt and echo go; what commands print goes to stdout. */
  screen: NodeJS.WritableStream;
  /** Someone sits at it: prompt, completion, and no end at the first failure. */
  isInteractive: boolean;
  open: () => Promise<StoreSession>;
  output: OutputOptions;
  timeoutMs: number;
};

/** `odradek meta shell`: at a terminal, or reading commands from a pipe. */
export function shell(options: MetaOptions & OutputOptions): Promise<void> {
  return runShell({
    input: process.stdin,
    screen: process.stdout,
    isInteractive: process.stdin.isTTY === true && process.stdout.isTTY === true,
    open: () => openStoreSession(options),
    output: { output: options.output, headers: options.headers },
    timeoutMs: timeoutMsOf(options),
  });
}

/** One line after the other until the input ends or `quit`. A script ends at its first failure, whose exit code is the shell's. */
export async function runShell(parts: ShellParts): Promise<void> {
  const { input, screen: output, isInteractive } = parts;
  const loop = new Loop(parts, await parts.open());
  const terminal = createInterface({
    input,
    output,
    terminal: isInteractive,
    completer: (line: string, done: Offered) => void loop.complete(line, done),
  });
  // Ctrl-C ends a watch; at an empty prompt it leaves.
  terminal.on("SIGINT", () => {
    if (!loop.interrupt()) terminal.close();
  });
  const prompt = (): void => {
    if (!isInteractive) return;
    terminal.setPrompt(`${loop.directory}> `);
    terminal.prompt();
  };
  try {
    prompt();
    for await (const line of terminal) {
      if (await loop.take(line)) break;
      prompt();
    }
  } finally {
    terminal.close();
    await loop.close();
  }
}

/** What the shell remembers from line to line. */
class Loop {
  readonly #parts: ShellParts;
  #session: StoreSession;
  #isOver = false;
  #directory = "/";
  #lines = 0;
  #running: AbortController | null = null;

  constructor(parts: ShellParts, session: StoreSession) {
    this.#parts = parts;
    this.#session = session;
    this.#attend();
  }

  get directory(): string {
    return this.#directory;
  }

  /** Runs one line; true: it was `quit`. */
  async take(line: string): Promise<boolean> {
    this.#lines++;
    try {
      const [name, ...args] = splitWords(line);
      if (name === undefined || name.startsWith("#")) return false;
      if (name === "quit" || name === "exit") return true;
      if (name === "help") await help();
      else await this.#run(name, args);
    } catch (error) {
      if (!this.#parts.isInteractive) throw inLine(this.#lines, error);
      tell(error instanceof Error ? error.message : String(error));
    }
    return false;
  }

  /** Tells what Tab offers; nothing when the store can't be asked. */
  async complete(line: string, done: Offered): Promise<void> {
    const nothing: Completion = [[], line];
    const tree = readerOf(this.#session, undefined);
    done(null, await complete(line, this.#directory, tree).catch(() => nothing));
  }

  /** Whether there was something to interrupt. */
  interrupt(): boolean {
    this.#running?.abort();
    return this.#running !== null;
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async #run(name: string, args: readonly string[]): Promise<void> {
    if (this.#isOver) await this.#reopen();
    this.#running = new AbortController();
    const { output, timeoutMs } = this.#parts;
    const place: Place = {
      session: this.#session,
      output,
      timeoutMs,
      directory: this.#directory,
      interruption: this.#running.signal,
    };
    try {
      await runCommand(place, name, args);
      this.#directory = place.directory;
    } finally {
      this.#running = null;
    }
  }

  /** A machine that slept comes back without its session; a shell owns nothing by it. */
  async #reopen(): Promise<void> {
    this.#session = await this.#parts.open();
    this.#attend();
    tell("the session had expired; this is a new one");
  }

  #attend(): void {
    this.#isOver = false;
    void this.#session.ended.then(() => (this.#isOver = true));
  }
}

function inLine(line: number, error: unknown): Failure {
  const kind = error instanceof Failure ? error.kind : "runtime";
  const message = error instanceof Error ? error.message : String(error);
  return new Failure(kind, `line ${line}: ${message}`, { cause: error });
}
