import yargs from "yargs";
import manifest from "../package.json" with { type: "json" };
import { commands, type Command } from "./commands/table.ts";
import { exitCodes, Failure } from "./terminal/failure.ts";

/** Runs one command line; returns the exit code. Data goes to stdout, everything else to stderr. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  try {
    refuseUnknown(words);
    const parser = yargs([...words])
      .scriptName("odradek")
      .usage("$0 <command> [arguments]")
      .version(manifest.version)
      .strict()
      .demandCommand(1, "which command?")
      .recommendCommands()
      .exitProcess(false)
      .wrap(Math.min(110, process.stdout.columns ?? 110))
      // It must throw: after a failed validation yargs would go on and run the handler.
      .fail((message, error) => {
        throw error ?? new Failure("usage", message);
      });
    for (const command of await known(words[0])) parser.command(command);
    await parser.parseAsync();
    return 0;
  } catch (error) {
    return explain(error);
  }
}

/** Asked for help, yargs looks at nothing else: who mistyped the command is told so, not shown a page that answers another question. */
function refuseUnknown([word, ...others]: readonly string[]): void {
  if (word === undefined || word.startsWith("-") || word === "help" || nameOf(word) !== undefined) return;
  if (others.includes("--help")) throw new Failure("usage", `unknown command: ${word}; \`odradek --help\` names all`);
}

const nameOf = (word: string | undefined): string | undefined =>
  [word, `${word}s`].find((each) => each !== undefined && Object.hasOwn(commands, each));

/** The command that was asked for; without one, all by name for the help text and for "did you mean". */
async function known(word: string | undefined): Promise<Command[]> {
  const name = nameOf(word);
  if (name !== undefined) return [await commands[name]!.load()];
  return Object.entries(commands).map(([command, { describe }]) => ({ command, describe, handler: () => undefined }));
}

function explain(error: unknown): number {
  if (error instanceof Failure) {
    const help = error.kind === "usage" ? "; --help tells more" : "";
    process.stderr.write(`odradek: ${error.message}${help}\n`);
    return exitCodes[error.kind];
  }
  const words = error instanceof Error ? (process.env["DEBUG"] ? error.stack : error.message) : String(error);
  process.stderr.write(`odradek: ${words}\n`);
  return error instanceof Error && error.name === "YError" ? exitCodes.usage : exitCodes.runtime;
}
