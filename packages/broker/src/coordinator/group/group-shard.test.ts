import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { GroupStory } from "../../testing/group-story.ts";

const story = (name: string): string => fileURLToPath(new URL(`../../testing/stories/${name}.txt`, import.meta.url));

describe("classic groups", () => {
  it.each(["group-life", "group-timers", "group-static", "group-failover", "group-offsets"])("%s", async (name) => {
    const { recorded, played } = await GroupStory.play(story(name));
    expect(played).toBe(recorded);
  });
});
