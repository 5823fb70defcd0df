import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { makeHistory } from "./history.ts";
import { injuries } from "./injuries.ts";
import { temporaryDirectory } from "./real-disk.ts";
import { rejoin } from "./rejoin.ts";

const kinds = Object.keys(injuries);

test(
  "R-23: without the roll call an old backup of a disk is believed, and the injuries show it",
  { timeout: 120_000 },
  async () => {
    const root = temporaryDirectory();
    onTestFinished(() => rmSync(root, { recursive: true }));
    mkdirSync(join(root, "past"));
    const history = await makeHistory(1, join(root, "past"));
    let seed = kinds.indexOf("older copy of everything");
    for (let run = 0; run < 60; run++, seed += kinds.length)
      if ((await rejoin(seed, history, root, { planted: { noRollCall: true } })).outcome === "silent") return;
    expect.fail("nobody was misled");
  },
);
