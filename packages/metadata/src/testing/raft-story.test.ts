import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { playStory } from "@odradek/kit/testing";
import { expect, test } from "vitest";

import { RaftStory } from "./raft-story.ts";

const stories = fileURLToPath(new URL("stories/", import.meta.url));

test.each(readdirSync(stories).filter((name) => name.startsWith("raft-")))("%s goes as recorded", async (name) => {
  const story = new RaftStory();
  const { recorded, played } = await playStory(stories + name, (command) => story.run(command));
  expect(played).toBe(recorded);
});
