import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { playStory } from "@odradek/kit/testing";
import { expect, it } from "vitest";
import { TreeStory } from "./tree-story.ts";

const stories = fileURLToPath(new URL("stories/", import.meta.url));

it.each(readdirSync(stories).filter((name) => name.startsWith("tree-")))("%s goes as recorded", async (name) => {
  const story = await TreeStory.start();
  const { recorded, played } = await playStory(stories + name, (command) => story.run(command));
  expect(played).toBe(recorded);
});
