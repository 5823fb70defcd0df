import { readFileSync, writeFileSync } from "node:fs";
import { assert } from "../assert.ts";

/** One command of a story: `name word key=value …`, and the lines under it up to `----`. */
export type StoryCommand = { name: string; words: string[]; options: Map<string, string>; body: string[] };

/**
 * Plays a story: a text file of commands, each with its recorded output under `----`, a blank line between; `#` begins a comment.
 * `run` answers a command with what should stand there. Returns the story as recorded and as it went, to be compared by the test;
 * with REWRITE=1 in the environment the file is recorded anew.
 */
export async function playStory(
  path: string,
  run: (command: StoryCommand) => string | Promise<string>,
): Promise<{ recorded: string; played: string }> {
  const recorded = readFileSync(path, "utf8");
  const played: string[] = [];
  for (const block of recorded.trim().split(/\n\n+/)) {
    const lines = block.split("\n");
    const rule = lines.indexOf("----");
    const said = rule < 0 ? lines : lines.slice(0, rule);
    const [command, ...body] = said.filter((line) => !line.startsWith("#"));
    if (command === undefined) played.push(block);
    else played.push([...said, "----", await run(parse(command, body))].join("\n").trimEnd());
  }
  const text = `${played.join("\n\n")}\n`;
  if (process.env["REWRITE"] === "1") writeFileSync(path, text);
  return { recorded: process.env["REWRITE"] === "1" ? text : recorded, played: text };
}

function parse(line: string, body: string[]): StoryCommand {
  const [name, ...rest] = line
    .replace(/\s+#.*$/, "")
    .trim()
    .split(/\s+/);
  assert(name, "a command has a name");
  const command: StoryCommand = { name, words: [], options: new Map(), body };
  for (const word of rest) {
    const equals = word.indexOf("=");
    if (equals < 0) command.words.push(word);
    else command.options.set(word.slice(0, equals), word.slice(equals + 1));
  }
  return command;
}
