import { ErrorCode } from "@odradek/protocol";
import { describe, expect, test } from "vitest";

import { ReplicatedTopic } from "../testing/replicated-topic.ts";
import { type Answer, follow } from "./messages.ts";

const ok = { error: ErrorCode.NONE };

describe("a tree that has gone back behind the logs", () => {
  test("makes nobody lead in an epoch that its log has reached, and loses nothing", async () => {
    const at = await ReplicatedTopic.start();
    await at.appended(1, ["a"]);
    for (const leader of [2, 3, 1, 2, 1]) {
      at.elect(leader);
      expect(await at.appended(leader, [`by ${leader}`])).toMatchObject(ok);
    }
    const values = at.values(1);
    at.killAll();
    at.restore({ leader: 3, leaderEpoch: 2, isr: [1, 2, 3] });
    for (const id of [1, 2, 3]) await at.boot(id);
    at.elect(2);
    await at.until(() => at.partitionOrNull(2)?.role.is === "leader");
    expect(at.node).toMatchObject({ leader: 2, leaderEpoch: 7 });
    expect(await at.appended(2, ["after"])).toMatchObject(ok);
    for (const id of [1, 2, 3]) {
      expect(at.values(id)).toEqual([...values, "after"]);
      expect(at.partition(id).replica.derived.epochs.latest).toBe(7);
    }
  });

  test("a leader that it names lets a replica lead that has newer records", async () => {
    const at = await ReplicatedTopic.start();
    await at.appended(1, ["a"]);
    for (const id of [2, 3]) at.network.cut("b1", `b${id}`);
    at.elect(1, [1]);
    at.elect(1, [1]);
    expect(await at.appended(1, ["acknowledged"])).toMatchObject(ok);
    at.killAll();
    for (const id of [2, 3]) at.network.heal("b1", `b${id}`);
    at.restore({ leader: 2, leaderEpoch: 1, isr: [2, 3] });
    for (const id of [1, 2, 3]) await at.boot(id);
    at.elect(2);
    await at.until(() => at.node.leader === 1 && at.partition(1).role.is === "leader");
    expect(at.node.leaderEpoch).toBe(4);
    expect(await at.appended(1, ["after"])).toMatchObject(ok);
    for (const id of [1, 2, 3]) expect(at.values(id)).toEqual(["a", "acknowledged", "after"]);
  });

  test("a replica with newer records than a leader that has written since keeps them, and is not taken in", async () => {
    const at = await ReplicatedTopic.start();
    await at.appended(1, ["a"]);
    for (const id of [2, 3]) at.network.cut("b1", `b${id}`);
    for (let epoch = 2; epoch <= 5; epoch++) at.elect(1, [1]);
    expect(await at.appended(1, ["acknowledged"])).toMatchObject(ok);
    at.killAll();
    at.restore({ leader: 2, leaderEpoch: 1, isr: [2, 3] });
    for (const id of [1, 2, 3]) await at.boot(id);
    at.elect(2);
    await at.until(() => at.partitionOrNull(2)?.role.is === "leader");
    expect(await at.appended(2, ["of another past"])).toMatchObject(ok);
    for (const id of [2, 3]) at.network.heal("b1", `b${id}`);
    await at.pass(5000);
    expect(at.values(1)).toEqual(["a", "acknowledged"]);
    expect(at.values(3)).toEqual(["a", "of another past"]);
    expect(at.node).toMatchObject({ leader: 2, leaderEpoch: 2, isr: [2, 3] });
  });

  test("a replica with newer records cuts nothing off for a leader that tells it to", async () => {
    const at = await ReplicatedTopic.start({ brokers: [1, 2] });
    for (let epoch = 2; epoch <= 5; epoch++) at.elect(1, [1]);
    expect(await at.appended(1, ["acknowledged"])).toMatchObject(ok);
    at.killAll();
    at.restore({ leader: 2, leaderEpoch: 1, isr: [2] });
    for (const id of [1, 2]) await at.boot(id);
    void at.lives.get(2)!.server.close();
    await at.pass(10);
    const answers: string[] = [];
    const server = at.network.rpc("b2").server();
    server.accept(follow, (stream) => {
      stream.onMessage = ({ attaches = [] }) => {
        for (const { attachId, leaderEpoch } of attaches) {
          const answer: Answer =
            answers.length % 2 === 0
              ? { attachId, outcome: "diverged", diverged: { epoch: 0, end: 0 } }
              : { attachId, outcome: "belowStart", belowStart: { start: 7, producers: Buffer.alloc(0) } };
          answers.push(`${answer.outcome} in ${leaderEpoch}`);
          stream.send({ answers: [answer] });
        }
      };
    });
    await server.listen("b2:9");
    at.elect(2);
    await at.pass(10_000);
    expect(answers.slice(0, 2)).toEqual(["diverged in 2", "belowStart in 2"]);
    expect(at.values(1)).toEqual(["acknowledged"]);
  });
});
