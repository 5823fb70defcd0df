import { expect, it } from "vitest";
import { forgotten } from "./members.ts";

it("says that a compaction below the oldest revision forgot nothing", () => {
  expect(forgotten(null, 38)).toBe("the past is forgotten");
  expect(forgotten(39, 38)).toBe("revisions before 39 are forgotten");
  for (const rev of [5, 38]) expect(forgotten(rev, 38)).toContain("the oldest revision that can be read is 38 already");
});
