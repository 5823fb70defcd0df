import { expect, test } from "vitest";
import { gapMs } from "./gap.ts";

test("what carries the signal counts for the gap, and what is written meanwhile does not", async () => {
  let nowMs = 1000;
  const gap = await gapMs({
    now: () => nowMs,
    kill: async () => void (nowMs += 40),
    takenByAll: async (fromMs) => {
      expect(fromMs).toBe(1040);
      return fromMs + 300;
    },
  });
  expect(gap).toBe(340);
});
