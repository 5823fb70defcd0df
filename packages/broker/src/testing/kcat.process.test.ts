import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessCluster, runProgram } from "./processes.ts";

const isInstalled = spawnSync("kcat", ["-V"]).error === undefined;
if (!isInstalled)
  process.stderr.write("SKIPPED: kcat is not installed (apt install kcat); librdkafka was not tried as a client\n");

const lines = (count: number): string =>
  Array.from({ length: count }, (_, at) => `key-${at % 97}:value-${at}\n`).join("");
const sorted = (text: string): string[] => text.split("\n").filter(Boolean).sort();

describe.runIf(isInstalled)("kcat against one broker", () => {
  let cluster: ProcessCluster;
  let bootstrap: string;
  beforeAll(async () => {
    cluster = await ProcessCluster.start({ metadata: 1, brokers: 1, settings: ["num.partitions=4"] });
    [bootstrap = ""] = cluster.bootstrap;
  }, 40_000);
  afterAll(() => cluster?.close());

  it("lists the broker", async () => {
    const { stdout } = await runProgram(["kcat", "-b", bootstrap, "-L"]);
    expect(stdout).toContain("1 brokers:");
    expect(stdout).toContain(`broker 1 at ${bootstrap} (controller)`);
  });

  it.each(["none", "gzip", "snappy", "lz4", "zstd"])("produces with %s and reads everything back", async (codec) => {
    const topic = `words-${codec}`;
    const input = lines(5000);
    const produce = await runProgram(["kcat", "-b", bootstrap, "-P", "-t", topic, "-K:", "-z", codec], { input });
    expect(produce).toMatchObject({ code: 0 });
    const { stdout } = await runProgram(["kcat", "-b", bootstrap, "-C", "-t", topic, "-e", "-q", "-K:"]);
    expect(sorted(stdout)).toEqual(sorted(input));
  });

  it("keeps the order of each key", async () => {
    const input = lines(20_000);
    await runProgram(["kcat", "-b", bootstrap, "-P", "-t", "ordered", "-K:"], { input });
    const { stdout } = await runProgram(["kcat", "-b", bootstrap, "-C", "-t", "ordered", "-e", "-q", "-K:"]);
    const last = new Map<string, number>();
    for (const line of stdout.split("\n").filter(Boolean)) {
      const [key = "", value = ""] = line.split(":");
      const number = Number(value.slice("value-".length));
      expect(number).toBeGreaterThan(last.get(key) ?? -1);
      last.set(key, number);
    }
    expect(last.size).toBe(97);
  });

  it("commits a group's offsets and takes up there, also after the broker was killed", async () => {
    await runProgram(["kcat", "-b", bootstrap, "-P", "-t", "grouped"], { input: "a\nb\nc\n" });
    const read = ["kcat", "-b", bootstrap, "-G", "readers", "-X", "auto.offset.reset=earliest", "-e", "-q", "grouped"];
    expect(sorted((await runProgram(read)).stdout)).toEqual(["a", "b", "c"]);
    await cluster.broker(1).kill("SIGKILL");
    await cluster.startBroker(1);
    await runProgram(["kcat", "-b", bootstrap, "-P", "-t", "grouped"], { input: "d\n" });
    expect(sorted((await runProgram(read)).stdout)).toEqual(["d"]);
  });

  it("finds offsets by time", async () => {
    const before = Date.now();
    await runProgram(["kcat", "-b", bootstrap, "-P", "-t", "timed", "-p", "0"], { input: "first\n" });
    const query = async (timestamp: number): Promise<string> => {
      const { stdout } = await runProgram(["kcat", "-b", bootstrap, "-Q", "-t", `timed:0:${timestamp}`]);
      return stdout.trim();
    };
    expect(await query(before)).toBe("timed [0] offset 0");
    expect(await query(-1)).toBe("timed [0] offset 1");
    expect(await query(-2)).toBe("timed [0] offset 0");
    expect(await query(Date.now() + 60_000)).toBe("timed [0] offset -1");
  });
});
