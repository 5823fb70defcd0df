import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@odradek/kit/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CommandRun } from "./testing/command.ts";

// One real cluster, and everything a person would type at it, in order.
describe("a tour of the odradek command on a real cluster", { timeout: 60_000 }, () => {
  let cwd: string;
  let dev: CommandRun;

  beforeAll(async () => {
    cwd = mkdtempSync(join(tmpdir(), "odradek-tour-"));
    dev = new CommandRun("dev --any-port --ephemeral".split(" "), { cwd });
    await dev.prints(/ready in/);
  }, 60_000);

  afterAll(async () => {
    dev.child.kill("SIGINT");
    await dev.ended;
    rmSync(cwd, { recursive: true, force: true });
  }, 30_000);

  const start = (words: string, input = "") => new CommandRun(words.split(" "), { cwd, input });
  const run = async (words: string, input = "") => {
    const ended = await start(words, input).ended;
    expect(ended.code, `odradek ${words}\n${ended.stderr}`).toBe(0);
    return ended.stdout;
  };
  const json = async <T>(words: string): Promise<T> => JSON.parse(await run(`${words} -o json`)) as T;
  const exitCode = async (words: string): Promise<number | null> => (await start(words).ended).code;

  it("shows the cluster", async () => {
    type Seen = { health: string; brokers: { state: string }[]; meta: { leader: number; up: number } };
    const seen = await json<Seen>("status --wait --timeout 20s");
    expect(seen.health).toBe("healthy");
    expect(seen.brokers.map(({ state }) => state)).toEqual(["up", "up", "up"]);
    expect(seen.meta.up).toBe(3);
    expect((await run("brokers -o name")).trim().split("\n")).toEqual(["1", "2", "3"]);
  });

  it("creates, lists, describes and alters topics", async () => {
    await run("topics create words -p 3 -r 3 -c retention.ms=86400000");
    expect(await exitCode("topics create words")).toBe(8);
    await run("topics create words --if-not-exists");
    expect((await run("topics -o name")).trim().split("\n")).toContain("words");
    await run("topics alter words -c max.message.bytes=2000000 -p 4");
    type Topic = { partitions: { leader: number; inSyncReplicas: number[] }[]; configs: Record<string, string> };
    const topic = await json<Topic>("topics describe words");
    expect(topic.partitions).toHaveLength(4);
    expect(topic.configs).toMatchObject({ "retention.ms": "86400000", "max.message.bytes": "2000000" });
    expect(await exitCode("topics describe nothing")).toBe(3);
    const refused = await start("topics create bad -r 9").ended;
    expect([refused.code, refused.stderr]).toEqual([1, expect.not.stringContaining("--help")]);
  });

  it("produces what it is given and consumes it again, in order per key", async () => {
    const lines = Array.from({ length: 3000 }, (_, at) => `${at % 7}:${at}`);
    await run("produce words -K : -z lz4", `${lines.join("\n")}\n`);
    const read = (await run("consume words -e -f %k:%v\\n")).trim().split("\n");
    for (let key = 0; key < 7; key++) {
      const ofKey = (all: string[]) => all.filter((line) => line.startsWith(`${key}:`));
      expect(ofKey(read)).toEqual(ofKey(lines));
    }
    expect((await run("consume words -n 5")).trim().split("\n")).toHaveLength(5);
    const last = (await run("consume words -p 0 -o -2 -e -o json")).trim().split("\n");
    expect(last.map((line) => JSON.parse(line) as object)).toMatchObject([{ partition: 0 }, { partition: 0 }]);
    expect(await run("consume words -o @-1h -n 1")).toMatch(/^\d+\n$/);
    expect(await run("consume words -o end -e")).toBe("");
    const beyond = await start("consume words -o 5000 -e").ended;
    expect(beyond.code).toBe(3);
    expect(beyond.stderr).toMatch(/there is no offset 5000: words-0 has offsets 0 to \d+;/);
    const ends = (await json<{ partitions: { high: number }[] }>("topics describe words")).partitions;
    const high = Math.max(...ends.map((each) => each.high));
    const near = await start(`consume words -o ${high - 1} -e`).ended;
    expect(near.code).toBe(0);
    expect(near.stderr).toMatch(/no offset \d+: words-\d has offsets 0 to \d+; reading from \d+/);
    expect(await exitCode("consume words -p 0 -p 77 -e")).toBe(3);
  });

  it("tells a broker's refusal as a failure, not as a mistyped command", async () => {
    await run("topics create latest -c cleanup.policy=compact");
    const refused = await start("produce latest keyless").ended;
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("INVALID_RECORD")]);
    expect(refused.stderr).not.toContain("--help");
    await run("topics delete latest -y");
  });

  it("shows the members of the metadata quorum, moves its leadership, and refuses what can't be", async () => {
    type Member = { member: number; votes: boolean; state: string };
    const members = () => json<Member[]>("meta members");
    expect((await members()).map(({ member, votes }) => ({ member, votes }))).toEqual(
      [1, 2, 3].map((member) => ({ member, votes: true })),
    );
    const next = (await members()).find(({ state }) => state === "follower")!.member;
    await run(`meta transfer ${next}`);
    expect((await members()).find(({ state }) => state === "leader")?.member).toBe(next);
    expect(await exitCode("meta members add 2 127.0.0.1:1")).toBe(8);
    expect(await exitCode("meta members promote 9")).toBe(3);
    expect(await exitCode("meta members promote 1")).toBe(8);
    expect(await exitCode("meta members remove 9 -y")).toBe(3);
    expect(await exitCode("meta members remove 3")).toBe(2);
    expect(await exitCode("meta transfer 9")).toBe(1);
  });

  it("saves the coordination store, knows a damaged file, and founds a new cluster from a whole one", async () => {
    await run("meta create /kept value");
    type Saved = { revision: number; nodes: number; clusterId: string };
    const saved = await json<Saved>("meta snapshot save store.snapshot");
    expect(await json<Saved>("meta snapshot verify store.snapshot")).toEqual(saved);
    expect(await exitCode("meta snapshot save store.snapshot")).toBe(8);
    const bytes = readFileSync(join(cwd, "store.snapshot"));
    bytes[200]! ^= 1;
    writeFileSync(join(cwd, "damaged.snapshot"), bytes);
    const refused = await start("meta snapshot verify damaged.snapshot").ended;
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("damaged.snapshot: the snapshot is damaged");
    type Row = { member: number; clusterId: string };
    const restored = await start("meta snapshot restore store.snapshot --data-dir restored --members 1 -o json").ended;
    expect(restored.stderr).toContain("warning: brokers' logs may be ahead");
    const rows = JSON.parse(restored.stdout) as Row[];
    expect(rows).toMatchObject([{ member: 1 }]);
    expect(rows[0]!.clusterId).not.toBe(saved.clusterId);
    expect(await exitCode("meta snapshot restore store.snapshot --data-dir restored --members 1")).toBe(8);
    const again = new CommandRun("dev --any-port --brokers 1 --metadata 1 --data-dir restored".split(" "), { cwd });
    await again.prints(/ready in/);
    const node = JSON.parse(readFileSync(join(cwd, "restored", "dev.json"), "utf8")) as {
      nodes: { role: string; address: string }[];
    };
    const { address } = node.nodes.find(({ role }) => role === "metadata")!;
    expect(await run(`meta get /kept --meta 1=${address}`)).toBe("value\n");
    again.child.kill("SIGINT");
    await again.ended;
    expect(await exitCode(`meta compact --rev ${saved.revision + 1000}`)).toBe(3);
    await run(`meta compact --rev ${saved.revision}`);
    expect(await exitCode(`meta get /kept --rev ${saved.revision - 1}`)).toBe(3);
  });

  it("drains a broker and spreads to it again", async () => {
    await run("topics create moved -p 6 -r 2");
    type Moved = { partitions: { replicas: number[] }[] };
    const carried = async (id: number): Promise<number> => {
      const { partitions } = await json<Moved>("topics describe moved");
      return partitions.filter(({ replicas }) => replicas.includes(id)).length;
    };
    expect(await carried(1)).toBe(4);
    const plan = await run("reassign plan moved --drain 1 -o json");
    expect((JSON.parse(plan) as { partitions: object[] }).partitions).toHaveLength(4);
    await run("reassign execute - --throttle 50000000 --wait", plan);
    expect(await carried(1)).toBe(0);
    expect(await json("reassign status")).toEqual([]);
    const configs = (await json<{ configs: Record<string, string> }>("topics describe moved")).configs;
    expect(Object.keys(configs).filter((name) => name.includes("throttled"))).toEqual([]);
    const back = await run("reassign plan moved --spread -o json");
    const begun = await start("reassign execute - --throttle 50000000", back).ended;
    expect(begun.stderr).toContain("throttled to 50000000 bytes a second until `odradek reassign status` sees");
    await run("reassign status --wait");
    expect(await carried(1)).toBe(4);
    expect((await run("reassign plan moved --spread -o name")).trim()).toBe("");
    expect(await exitCode("reassign plan")).toBe(2);
    expect(await exitCode("reassign plan moved --drain 1 --drain 2")).toBe(1);
    await run("reassign cancel --wait");
    await run("topics delete moved -y");
  });

  it("gives a leadership to the first replica", async () => {
    await run("topics create voted -p 1 -r 3");
    type Voted = { partitions: { leader: number; replicas: number[] }[] };
    const [{ leader, replicas }] = (await json<Voted>("topics describe voted")).partitions as [Voted["partitions"][0]];
    const others = replicas.filter((id) => id !== leader);
    const turned = { version: 1, partitions: [{ topic: "voted", partition: 0, replicas: [...others, leader] }] };
    await run("reassign execute --wait", JSON.stringify(turned));
    expect(await run("topics elect voted")).toMatch(/voted-0 +(?:elected|not needed)/);
    const leaderNow = async () => (await json<Voted>("topics describe voted")).partitions[0]!.leader;
    await eventually("the first replica leads", async () => (await leaderNow()) === others[0]);
    expect(await json("topics elect voted -p 0")).toEqual([{ topic: "voted", partition: 0, result: "not needed" }]);
    expect(await exitCode("topics elect voted -p 0 -p 9")).toBe(3);
    expect(await exitCode("topics elect nothing")).toBe(3);
    expect(await exitCode("topics elect voted --unclean")).toBe(2);
    expect(await run("topics elect voted --unclean -y")).toContain("not needed");
    await run("topics delete voted -y");
  });

  it("reads as a group, and says how far behind it is", async () => {
    const first = (await run("consume words -g readers -n 100")).trim().split("\n");
    const lag = async () => {
      const rows = await json<{ committed: number; lag: number }[]>("groups lag readers");
      return rows.reduce((sum, row) => ({ committed: sum.committed + row.committed, lag: sum.lag + row.lag }));
    };
    expect((await lag()).committed).toBe(100);
    const rest = (await run("consume words -g readers -e")).trim().split("\n");
    expect(first.length + rest.length).toBe(3000);
    expect(await lag()).toEqual(expect.objectContaining({ committed: 3000, lag: 0 }));
    expect((await run("groups -o name")).trim().split("\n")).toContain("readers");
    expect(await run("groups describe readers")).toContain("group readers");
    expect(await exitCode("groups describe strangers")).toBe(3);
  });

  it("looks into the coordination store and changes it", async () => {
    expect(await run("meta tree -o name")).toContain("/topics/words/partitions/0");
    await run("meta create /tour/stop one -p");
    expect(await json("meta get /tour/stop")).toMatchObject({ data: "one", version: 1, owner: null });
    await run("meta set /tour/stop two --at-version 1");
    expect(await exitCode("meta set /tour/stop three --at-version 1")).toBe(8);
    expect(await exitCode("meta get /nowhere")).toBe(3);
    expect(await exitCode("meta rm /tour")).toBe(8);
    const watch = start("meta watch /tour -n 3 -o json");
    await expect.poll(() => run("meta sessions -o json"), { timeout: 20_000 }).toContain("odradek-cli");
    await run("meta create /tour/next new");
    await run("meta set /tour/next newer");
    await run("meta rm /tour/next");
    const { stdout } = await watch.ended;
    const changes = stdout.trim().split("\n");
    expect(changes.map((line) => (JSON.parse(line) as { change: string }).change)).toEqual([
      "created",
      "set",
      "deleted",
    ]);
    await run("meta rm /tour -r --yes");
    expect(await exitCode("meta get /tour")).toBe(3);
  });

  it("reads the past of the coordination store", async () => {
    await run("meta create /past first");
    const { modifiedRevision: at } = await json<{ modifiedRevision: number }>("meta get /past");
    await run("meta create /past/below x");
    await run("meta set /past second");
    await run("meta rm /past -r --yes");
    expect(await run(`meta get /past --rev ${at} --stat`)).toMatch(/^first\nversion 1 .* children 0\n$/);
    expect(await run(`meta ls /past --rev ${at + 1} -o name`)).toBe("below\n");
    expect(await json(`meta tree /past --rev ${at + 2}`)).toMatchObject([
      { data: "second", version: 2 },
      { data: "x" },
    ]);
    expect(await exitCode(`meta get /past --rev ${at + 3}`)).toBe(3);
    expect(await exitCode("meta get /past --rev 99999999")).toBe(3);
    const kinds = await json<{ kind: string; name: string }[]>("meta log /past --since 1h");
    expect(kinds.map(({ kind }) => kind)).toEqual(["created", "created", "set", "deleted", "deleted"]);
    expect(kinds[0]).toMatchObject({ name: "odradek-cli", path: "/past", version: 1, revision: at });
    expect(await json(`meta log /past --since ${at + 2}`)).toHaveLength(2);
    const again = await run(`meta watch /past --from-rev ${at} -n 4 -o json`);
    expect(
      again
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as object),
    ).toMatchObject([
      { change: "created", path: "/past/below", revision: at + 1 },
      { change: "set", path: "/past", version: 2 },
      { change: "deleted", path: "/past" },
      { change: "deleted", path: "/past/below" },
    ]);
  });

  it("works through a script of the shell, up to its first failure", async () => {
    const members = await json<{ revision: number }[]>("meta status");
    const before = Math.max(...members.map(({ revision }) => revision));
    const script = `create /shell
      cd shell
      create a 'one two'
      create b/c x -p
      set a three --at-version 1
      get a
      ls
      tree /shell
      stat ../shell
      history . --since 1h
      watch . -n 2 --from-rev ${before}
      rm /shell -r
      cd /
      get shell
      create /never`;
    const { stdout, stderr, code } = await start("meta shell --no-headers", script).ended;
    expect(stderr).toContain("odradek: line 14: there is no /shell");
    expect(code).toBe(3);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.slice(0, 4)).toEqual(["/shell", "/shell/a", "/shell/b/c", "three"]);
    expect(lines[4]).toMatch(/^a +2 /);
    expect(lines[5]).toMatch(/^b +1 /);
    expect(lines.slice(6, 10).map((line) => line.trim().split(/\s+/)[0])).toEqual(["/shell", "a", "b", "c"]);
    expect(lines[10]).toMatch(/^version 1 .* children 2$/);
    expect(lines.slice(11, 16).map((line) => line.split(/\s+/).slice(2))).toEqual([
      ["odradek-cli", "created", "1", "/shell"],
      ["odradek-cli", "created", "1", "/shell/a"],
      ["odradek-cli", "created", "1", "/shell/b"],
      ["odradek-cli", "created", "1", "/shell/b/c"],
      ["odradek-cli", "set", "2", "/shell/a"],
    ]);
    expect(lines.slice(16).map((line) => line.split(/\s+/).slice(1, 3))).toEqual([
      ["created", "/shell"],
      ["created", "/shell/a"],
    ]);
    expect(await exitCode("meta get /never")).toBe(3);
  });

  it("tells when a broker is missing, and when it is back", async () => {
    const watch = start("status -w --interval 200ms");
    await watch.prints(/ healthy: 3 of 3 brokers up, controller \d, metadata leader \d \(3 of 3 up\)/);
    await run("kill broker 2");
    await watch.prints(/ broker 2 DOWN, before up$/m);
    await expect.poll(() => exitCode("status --exit-code"), { timeout: 20_000 }).toBe(5);
    expect(await run("status")).toContain("npx odradek restart broker 2");
    await run("produce words still-here");
    await run("restart broker 2");
    expect((await json<{ health: string }>("status --wait --timeout 30s")).health).toBe("healthy");
    await watch.prints(/ broker 2 up, before DOWN$/m);
    type Led = { partitions: { leader: number; replicas: number[] }[] };
    const isSpread = async (): Promise<boolean> =>
      (await json<Led>("topics describe words")).partitions.every(({ leader, replicas }) => leader === replicas[0]);
    await expect.poll(isSpread, { timeout: 60_000 }).toBe(true);
    watch.child.kill("SIGTERM");
    await watch.ended;
    expect(await exitCode("status -w --wait")).toBe(2);
  });

  it("breaks what runs, and leaves it whole", async () => {
    const report = JSON.parse(await run("chaos run kill --for 1s --json")) as { faults: unknown[] };
    expect(report).toMatchObject({ isOk: true, workload: null, faults: [{ kind: "kill" }] });
    expect(await exitCode("status --exit-code")).toBe(0);
    expect(await exitCode("chaos run slow")).toBe(2);
  });

  it("names the broker that hangs and how far it came, while it waits and when it gives up", async () => {
    const [, first] = await dev.prints(/broker 1 .*?(localhost:\d+)/);
    await run("pause broker 1");
    const stuck = await start(`produce words -b ${first} --timeout 2500ms hello`).ended;
    const listing = await start(`topics -b ${first} --timeout 1s`).ended;
    await run("resume broker 1");
    expect([stuck.code, listing.code]).toEqual([4, 4]);
    expect(stuck.stderr).toContain(`still trying: ${first} has not answered ApiVersions`);
    expect(listing.stderr).toContain(`${first} accepted the connection but not ApiVersions`);
  });

  it("deletes a topic only when that was meant", async () => {
    expect(await exitCode("topics delete words")).toBe(2);
    await run("topics delete words --yes");
    expect(await exitCode("topics delete words --yes")).toBe(3);
    await run("topics delete words --yes --if-exists");
  });
});
