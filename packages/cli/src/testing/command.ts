import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));
const deadlineMs = 20_000;

export type Ended = { code: number | null; stdout: string; stderr: string };

/** One run of the `odradek` command as a process of its own. */
export class CommandRun {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = "";
  #stderr = "";
  readonly #watchers = new Set<() => void>();

  constructor(words: readonly string[], options: { cwd: string; env?: Record<string, string>; input?: string }) {
    const env = { ...process.env, ...options.env };
    this.child = spawn(process.execPath, [main, ...words], {
      cwd: options.cwd,
      env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child.stdin?.end(options.input ?? "");
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#grow("stdout", text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#grow("stderr", text));
    this.ended = new Promise((done) =>
      this.child.once("close", (code) => done({ code, stdout: this.#stdout, stderr: this.#stderr })),
    );
  }

  /** Resolves when stdout holds a match; fails at the deadline with all that was printed. */
  prints(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#shows(pattern, () => this.#stdout);
  }

  /** The same of stderr. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#shows(pattern, () => this.#stderr);
  }

  async #shows(pattern: RegExp, text: () => string): Promise<RegExpExecArray> {
    const found = Promise.withResolvers<RegExpExecArray>();
    const look = (): void => {
      const match = pattern.exec(text());
      if (match) found.resolve(match);
    };
    const late = setTimeout(
      () => found.reject(new Error(`no ${String(pattern)} in:\n${this.#stdout}\n${this.#stderr}`)),
      deadlineMs,
    );
    this.#watchers.add(look);
    look();
    try {
      return await found.promise;
    } finally {
      clearTimeout(late);
      this.#watchers.delete(look);
    }
  }

  #grow(stream: "stdout" | "stderr", text: string): void {
    if (stream === "stdout") this.#stdout += text;
    else this.#stderr += text;
    for (const look of this.#watchers) look();
  }
}
