import { expect, test } from "vitest";

import { voteOutcome } from "./quorum.ts";

const votes = (...given: [number, boolean][]): Map<number, boolean> => new Map(given);
const nobody = new Set<number>();

test("a majority wins, and nobody wins without one", () => {
  expect(voteOutcome(votes([1, true], [2, true]), { voters: [1, 2, 3], dead: nobody })).toBe("won");
  expect(voteOutcome(votes([1, true], [2, false]), { voters: [1, 2, 3], dead: nobody })).toBe("open");
  expect(voteOutcome(votes([1, true], [2, false], [3, false]), { voters: [1, 2, 3], dead: nobody })).toBe("lost");
});

test("a vote split between two is lost at once when the third is dead, not at the next timeout", () => {
  expect(voteOutcome(votes([1, true], [2, false]), { voters: [1, 2, 3], dead: new Set([3]) })).toBe("lost");
  expect(voteOutcome(votes([1, true]), { voters: [1, 2, 3], dead: new Set([3]) })).toBe("open");
  expect(voteOutcome(votes([1, true], [2, false], [3, true]), { voters: [1, 2, 3], dead: new Set([3]) })).toBe("won");
});
