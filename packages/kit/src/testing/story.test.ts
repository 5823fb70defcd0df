import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

import { playStory, type StoryCommand } from "./story.ts";

function story(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "odradek-story-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "story.txt");
  writeFileSync(path, text);
  return path;
}

test("plays commands in order and puts their output under the rule", async () => {
  const path = story("# A greeting.\n\ngreet Ann loud=yes   # a comment\nfirst\nsecond\n----\nold\n\nbye\n----\nbye\n");
  const commands: StoryCommand[] = [];
  const { recorded, played } = await playStory(path, (command) => {
    commands.push(command);
    return command.name;
  });
  expect(commands[0]).toEqual({
    name: "greet",
    words: ["Ann"],
    options: new Map([["loud", "yes"]]),
    body: ["first", "second"],
  });
  expect(played).toBe(recorded.replace("old", "greet"));
});
