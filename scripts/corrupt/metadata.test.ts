import { expect, test } from "vitest";

import { corruptMetadata } from "./metadata.ts";

test(
  "R-21, R-22, R-23, O-06: no injury of a disk stays unnoticed, and the others repair it",
  { timeout: 240_000 },
  async () => {
    expect(await corruptMetadata({ runs: 240, from: 1 })).toBe(true);
  },
);
