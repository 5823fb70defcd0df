import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Failure } from "../../terminal/failure.ts";
import { FakeSession } from "../../testing/fake-session.ts";
import { runShell } from "./run.ts";

const paths = ["/brokers", "/brokers/ids", "/brokers/ids/1", "/topics", "/topics/words", "/topics/wonders", "/tidy up"];

/** Someone at a terminal: types, and sees what the screen shows. */
class Person {
  readonly #keys = new PassThrough();
  readonly #screen = new PassThrough();
  readonly left: Promise<void>;
  readonly sessions: FakeSession[] = [];
  #seen = "";
  #look: () => void = () => {};

  constructor() {
    this.#screen.setEncoding("utf8").on("data", (text: string) => {
      this.#seen += text;
      this.#look();
    });
    this.left = runShell({
      input: this.#keys,
      screen: this.#screen,
      isInteractive: true,
      open: () => {
        this.sessions.push(new FakeSession(paths));
        return Promise.resolve(this.sessions.at(-1)!.session);
      },
      output: { output: "table", headers: true },
      timeoutMs: 5_000,
    });
  }

  type(keys: string): void {
    this.#seen = "";
    this.#keys.write(keys);
  }

  /** Resolves when the screen shows the text since the last keys. */
  sees(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (this.#seen.includes(text)) resolve();
      };
      this.#look();
    });
  }
}

describe("the shell at a terminal", () => {
  it("shows where it is, and survives what it does not understand", async () => {
    const person = new Person();
    await person.sees("/> ");
    person.type("cd brokers/ids\n");
    await person.sees("/brokers/ids> ");
    person.type("cd ../../topics\n");
    await person.sees("/topics> ");
    person.type("cd nowhere\n");
    await person.sees("/topics> ");
    person.type("dance\n");
    await person.sees("/topics> ");
    person.type("quit\n");
    await person.left;
    expect(await person.sessions[0]!.ended).toBe("closed");
  });

  it("completes commands, paths and options with Tab", async () => {
    const person = new Person();
    await person.sees("/> ");
    person.type("hi\t");
    await person.sees("history ");
    person.type("br\t");
    await person.sees("brokers/");
    person.type("i\t");
    await person.sees("ids/");
    person.type("\t");
    await person.sees("1 ");
    person.type("--s\t");
    await person.sees("--since ");
    person.type("\u0015cd /to\t");
    await person.sees("/topics/");
    // Undecided at first; a second Tab shows between what.
    person.type("wo\t");
    await person.sees("wo");
    person.type("\t");
    await person.sees("/topics/words");
    await person.sees("/topics/wonders");
    person.type("r\t");
    await person.sees("rds ");
    person.type("\n");
    await person.sees("/topics/words> ");
    person.type("\u0004");
    await person.left;
  });

  it("opens a new session when the one it had is over", async () => {
    const person = new Person();
    await person.sees("/> ");
    person.sessions[0]!.end("expired");
    person.type("cd topics\n");
    await person.sees("/topics> ");
    expect(person.sessions).toHaveLength(2);
    person.type("quit\n");
    await person.left;
  });
});

describe("the shell on a pipe", () => {
  const script = async (text: string): Promise<string[]> => {
    const input = new PassThrough();
    input.end(text);
    const screen = new PassThrough();
    const session = new FakeSession(paths);
    const done = runShell({
      input,
      screen,
      isInteractive: false,
      open: () => Promise.resolve(session.session),
      output: { output: "table", headers: true },
      timeoutMs: 5_000,
    });
    const problem = await done.then(
      () => "done",
      (error: Failure) => `${error.kind}: ${error.message}`,
    );
    expect(await session.ended).toBe("closed");
    return [problem, String((screen.read() as Buffer | null) ?? "")];
  };

  it("shows no prompt, skips blank lines and remarks, and ends with its input", async () => {
    expect(await script("# where to\n\ncd topics\ncd words\n")).toEqual(["done", ""]);
  });

  it("ends at the first failure, which names its line", async () => {
    expect(await script("cd topics\ncd nowhere\ncd lost\n")).toEqual([
      "notFound: line 2: there is no /topics/nowhere",
      "",
    ]);
    expect(await script("cd topics\nquit\ncd nowhere\n")).toEqual(["done", ""]);
  });

  it.each([
    ["dance", "no command is called dance"],
    ["toString", "no command is called toString"],
    ["ls a b", "usage: ls [path] [--rev N]"],
    ["set /a", "usage: set path value"],
    ["ls --deep", "usage: ls [path] [--rev N]"],
    ["ls -l", "Unknown argument: l; usage: ls [path] [--rev N]"],
    ["ls --rev", "Not enough arguments following: rev"],
    ["rm /a --recursive=yes", "takes no value"],
    ["get /a --rev -1", "--rev takes one whole number from 0 to"],
    [`create ${"/a".repeat(33)} -p`, "a path of 33 levels is too long: at most 32"],
    [`get /${"a".repeat(1024)}`, "a path of 1025 bytes is too long: at most 1024"],
    ["ls --rev soon", "--rev takes one whole number"],
    ["set /a 'x", "a ' is not closed"],
  ])("does not understand %j, and says what it would", async (line, why) => {
    const [problem] = await script(line);
    expect(problem).toContain("usage: line 1: ");
    expect(problem).toContain(why);
  });
});
