import { describe, expect, it } from "vitest";
import { helpText, readConfig, settings, splitAddress } from "./config.ts";

const flags = ["--id", "2", "--data-dir", "/d", "--peers", "1=a:1,2=b:2,3=[::1]:3"];

describe("readConfig", () => {
  it("reads flags, and falls back to the environment and to defaults", () => {
    const config = readConfig(flags, { METADATA_HEALTH: "0.0.0.0:80", METADATA_ID: "7" });
    expect(config).toMatchObject({ id: 2, listen: "127.0.0.1:2181", health: "0.0.0.0:80", controlFd: null });
    expect(config.history).toEqual({ revisionsMax: 10_000, ageMsMax: 7 * 24 * 60 * 60_000 });
    expect([...config.members]).toEqual([
      [1, "a:1"],
      [2, "b:2"],
      [3, "[::1]:3"],
    ]);
  });

  it.each([
    [[...flags, "--join", "--join=x"], "does not take an argument"],
    [["--id", "2"], "--peers (or METADATA_PEERS) is missing"],
    [[...flags, "--id", "4"], "4 is not in 1, 2, 3"],
    [[...flags, "--id", "x"], '--id: "x" is not a number'],
    [[...flags, "--listen", "nowhere"], '--listen: "nowhere" is not HOST:PORT'],
    [[...flags, "--listen", "h:70000"], "is not HOST:PORT"],
    [[...flags, "--peers", "1=a:1,1=b:2"], "names member 1 twice"],
    [[...flags, "--history-revisions", "100001"], "--history-revisions: 100001 is more than 100000"],
    [[...flags, "--history-minutes", "0"], '--history-minutes: "0" is not a number from 1 on'],
    [[...flags, "--colour", "red"], "colour"],
  ])("refuses %j", (args, why) => {
    expect(() => readConfig(args, {})).toThrow(why);
  });

  it("joins a cluster when told so by flag or environment", () => {
    expect(readConfig(flags, {}).join).toBe(false);
    expect(readConfig([...flags, "--join"], {}).join).toBe(true);
    expect(readConfig(flags, { METADATA_JOIN: "true" }).join).toBe(true);
    expect(() => readConfig(flags, { METADATA_JOIN: "yes" })).toThrow('--join: "yes" is neither true nor false');
  });

  it("takes brackets off an address to bind", () => {
    expect(splitAddress("[::1]:80")).toEqual({ host: "::1", port: 80 });
    expect(splitAddress("host:0")).toEqual({ host: "host", port: 0 });
  });

  it("names every setting in its help", () => {
    for (const { flag, environment } of settings) {
      expect(helpText()).toContain(`--${flag}`);
      expect(helpText()).toContain(environment);
    }
  });
});
