import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "@odradek/kit/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CommandRun } from "../testing/command.ts";
import { stateOf } from "./process-identity.ts";
import { readState, type DevState } from "./state-file.ts";

const fakeNode = fileURLToPath(new URL("../testing/fake-node.ts", import.meta.url));

describe("odradek dev, with tiny programs in place of the nodes", () => {
  let cwd: string;
  let runs: CommandRun[];

  beforeEach(() => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), "odradek-dev-test-")));
    runs = [];
  });

  afterEach(async () => {
    for (const run of runs) run.child.kill("SIGTERM");
    await Promise.all(runs.map((run) => run.ended));
    rmSync(cwd, { recursive: true, force: true });
  });

  const odradek = (words: string, env: Record<string, string> = {}): CommandRun => {
    const run = new CommandRun(words.split(" "), { cwd, env: { ODRADEK_DEV_NODE_SCRIPT: fakeNode, ...env } });
    runs.push(run);
    return run;
  };
  const state = (): DevState => readState(join(cwd, ".odradek")) ?? expect.fail("no state file");
  const node = (name: string) => state().nodes.find(({ role, id }) => `${role} ${id}` === name)!;
  const start = async (words = "", env: Record<string, string> = {}): Promise<CommandRun> => {
    const dev = odradek(`dev --any-port${words}`, env);
    await dev.prints(/ready in/);
    return dev;
  };

  it("starts all nodes, names their addresses, and ends them all on Ctrl-C", async () => {
    const dev = await start();
    const nodes = state().nodes;
    expect(nodes.map(({ role, id }) => `${role} ${id}`)).toEqual([
      "metadata 1",
      "metadata 2",
      "metadata 3",
      "broker 1",
      "broker 2",
      "broker 3",
    ]);
    dev.child.kill("SIGINT");
    dev.child.kill("SIGINT"); // as npm does: the same key press a second time
    const { code, stdout } = await dev.ended;
    expect(code).toBe(0);
    for (const { address } of nodes) expect(stdout).toContain(address);
    for (const { process } of nodes) expect(stateOf(process)).toBe("gone");
    expect(readState(join(cwd, ".odradek"))).toBeNull();
  });

  it("kills, pauses, resumes and restarts the real process", async () => {
    const dev = await start(" --brokers 2 --metadata 1");
    const before = node("broker 2").process;
    expect((await odradek("pause broker 2").ended).code).toBe(0);
    await eventually("paused", () => stateOf(before) === "paused");
    expect((await odradek("resume broker 2").ended).code).toBe(0);
    await eventually("running", () => stateOf(before) === "running");
    expect((await odradek("kill broker 2").ended).code).toBe(0);
    await dev.prints(/broker 2 died \(SIGKILL\); start it again: npx odradek restart broker 2\n/);
    const again = await odradek("kill broker 2").ended;
    expect(again.code).toBe(3);
    expect(again.stderr).toContain("is not running");
    expect((await odradek("restart broker 2").ended).code).toBe(0);
    expect(stateOf(node("broker 2").process)).toBe("running");
    expect(node("broker 2").process.pid).not.toBe(before.pid);
    expect((await odradek("kill broker 7").ended).code).toBe(3);
  });

  it("starts a node at once though another one, restarted before, does not serve yet", async () => {
    const dev = await start(" --brokers 1 --metadata 3", { FAKE_NODE: "metadata1=ready-once" });
    const before = node("metadata 1").process;
    const waits = odradek("restart metadata 1");
    await eventually("metadata 1 is started", () => node("metadata 1").process.pid !== before.pid);
    expect((await odradek("restart metadata 2").ended).code).toBe(0);
    dev.child.kill("SIGINT");
    expect((await dev.ended).code).toBe(0);
    const waited = await waits.ended;
    expect(waited.code).toBe(8);
    expect(waited.stderr).toContain("is stopping");
  });

  it("starts no node any more once it stops", async () => {
    const dev = await start(" --brokers 1 --metadata 1", { FAKE_NODE: "broker1=ignores-sigterm" });
    const restart = odradek("restart broker 1");
    await dev.says(/broker 1 \| does not stop/);
    dev.child.kill("SIGINT");
    expect((await dev.ended).code).toBe(0);
    expect((await restart.ended).code).toBe(8);
  });

  it("prints commands that work where it was started, though its data lies elsewhere", async () => {
    const dataDir = join(cwd, "some where");
    const dev = new CommandRun(["dev", "--any-port", "--metadata", "1", "--brokers", "2", "--data-dir", dataDir], {
      cwd,
      env: { ODRADEK_DEV_NODE_SCRIPT: fakeNode },
    });
    runs.push(dev);
    await dev.prints(/ready in/);
    const address = (role: string) => readState(dataDir)!.nodes.find((each) => each.role === role)!.address;
    await dev.prints(new RegExp(`export ODRADEK_BROKERS=${address("broker")}.* ODRADEK_META=1=${address("metadata")}`));
    const [, command] = await dev.prints(/(npx odradek kill broker 2 --data-dir '.*some where')/);
    expect(command).toContain(dataDir);
    const kill = new CommandRun(["kill", "broker", "2", "--data-dir", dataDir], { cwd });
    expect((await kill.ended).code).toBe(0);
    await dev.prints(/broker 2 died .*: npx odradek restart broker 2 --data-dir '.*some where'/);
  });

  it("leaves no orphan when it is killed, and ends a paused one with the next start", async () => {
    const dev = await start(" --brokers 1 --metadata 1");
    const { broker, metadata } = { broker: node("broker 1").process, metadata: node("metadata 1").process };
    expect((await odradek("pause broker 1").ended).code).toBe(0);
    dev.child.kill("SIGKILL");
    await dev.ended;
    await eventually("the metadata node ends with its pipe", () => stateOf(metadata) === "gone");
    expect(stateOf(broker)).toBe("paused");
    const next = await start(" --brokers 1 --metadata 1");
    expect((await next.prints(/ended broker 1, left by/))[0]).toBeTruthy();
    expect(stateOf(broker)).toBe("gone");
  });

  it("kills who does not stop, or hangs after it has said so", async () => {
    const dev = await start(" --brokers 2 --metadata 1", {
      FAKE_NODE: "broker1=hangs-at-exit,metadata1=ignores-sigterm",
    });
    const nodes = state().nodes;
    dev.child.kill("SIGTERM");
    expect((await dev.ended).code).toBe(0);
    for (const { process } of nodes) expect(stateOf(process)).toBe("gone");
  });

  it("prints a death at the start with its last words, and gives up only when nothing is left to look at", async () => {
    const dev = odradek("dev --any-port --brokers 2 --metadata 1", { FAKE_NODE: "broker2=dies-at-start" });
    await dev.prints(/NOT COMPLETE after .*: broker 2 \(\S+broker-2\.log\); the others run/);
    const { stdout } = await (dev.child.kill("SIGINT"), dev.ended);
    expect(stdout).not.toMatch(/ready in/);
    expect(stdout).toMatch(/broker 2 died \(exit code 7\).*\n.*cannot read the disk/);
    const useless = await odradek("dev --any-port --brokers 1 --metadata 1", { FAKE_NODE: "metadata1=dies-at-start" })
      .ended;
    expect(useless.code).toBe(5);
    expect(useless.stderr).toContain("metadata-1.log");
  });

  it("gives each broker its own directories of the log.dirs that were set", async () => {
    await start(" --brokers 2 --metadata 1 --set log.dirs=disks/a,disks/b");
    for (const id of [1, 2]) {
      const log = readFileSync(join(cwd, ".odradek", "logs", `broker-${id}.log`), "utf8");
      expect(log).toContain(`"--data-dir","disks/a/broker-${id},disks/b/broker-${id}"`);
      expect(log).not.toContain("log.dirs");
    }
  });

  it("names the owner of a busy port, and refuses a second cluster on the same data", async () => {
    const owner = createServer().listen(0, "127.0.0.1");
    await once(owner, "listening");
    const { port } = owner.address() as AddressInfo;
    const busy = await odradek(`dev --port ${port} --brokers 1 --metadata 1 --any-port=false`).ended;
    owner.close();
    expect(busy.code).toBe(8);
    expect(busy.stderr).toMatch(/port \d+ is taken by .*\(process \d+\)/);
    expect(readdirSync(cwd)).toEqual([]);
    await start(" --brokers 1 --metadata 1");
    const second = await odradek("dev --any-port").ended;
    expect(second.code).toBe(8);
    expect(second.stderr).toContain("is in use by");
  });

  it.each(["/proc/nope", "/dev/null", "/dev/null/nope"])(
    "says at once that it cannot keep its data in %s",
    async (dir) => {
      const dev = await odradek(`dev --any-port --data-dir ${dir}`).ended;
      expect(dev.code).toBe(1);
      expect(dev.stderr).toContain(`--data-dir ${dir} cannot be used`);
    },
  );

  it.each(["SIGINT", "SIGTERM"] as const)("ends on %s while its nodes start, and leaves none", async (signalName) => {
    const dev = odradek("dev --any-port --brokers 1 --metadata 1", { FAKE_NODE: "metadata1=never-ready" });
    await eventually("the state file", () => readState(join(cwd, ".odradek")) !== null);
    const nodes = state().nodes;
    dev.child.kill(signalName);
    await dev.ended;
    for (const { process } of nodes) expect(stateOf(process)).toBe("gone");
  });

  it("refuses to go on with another number of metadata nodes", async () => {
    const dev = await start(" --brokers 1 --metadata 1");
    dev.child.kill("SIGINT");
    await dev.ended;
    const other = await odradek("dev --any-port --metadata 3").ended;
    expect(other.code).toBe(8);
    expect(other.stderr).toContain("--metadata 1");
  });
});
