import { DeleteGroupsApi } from "@odradek/protocol/messages/delete-groups";
import { DescribeGroupsApi } from "@odradek/protocol/messages/describe-groups";
import { FindCoordinatorApi } from "@odradek/protocol/messages/find-coordinator";
import { HeartbeatApi } from "@odradek/protocol/messages/heartbeat";
import { JoinGroupApi } from "@odradek/protocol/messages/join-group";
import { LeaveGroupApi } from "@odradek/protocol/messages/leave-group";
import { OffsetCommitApi } from "@odradek/protocol/messages/offset-commit";
import { OffsetDeleteApi } from "@odradek/protocol/messages/offset-delete";
import { OffsetFetchApi } from "@odradek/protocol/messages/offset-fetch";
import { SyncGroupApi } from "@odradek/protocol/messages/sync-group";
import { differs } from "../case.ts";
import type { Scene } from "../stage.ts";
import { commit, consumerOf, type Member, member } from "./group-members.ts";

const STRANGER = "stranger-00000000-0000-0000-0000-000000000000";

/** A broker that does not coordinate this group. */
const anotherThan = (stage: Scene, broker: number): number =>
  [...stage.system.brokers.keys()].find((id) => id !== broker)!;

export const groupCases = [
  differs(FindCoordinatorApi, "keys", async (stage) => {
    await stage.coordinator(stage.name("g"));
    const keys = { a: stage.name("g"), none: "" };
    for (const keyType of stage.version < 1 ? [0] : [0, 1, 3, -1])
      for (const [label, key] of Object.entries(keys)) {
        // Which broker is a matter of placement.
        const draft = stage.version < 4 ? { key } : { coordinatorKeys: [key] };
        const answer = await stage.system.ask(1, stage.api, stage.version, {
          ...draft,
          ...(keyType === 0 ? {} : { keyType }),
        });
        stage.tell(`type ${keyType}, ${label}`, typeof answer === "string" ? answer : placeless(answer));
      }
    if (stage.version >= 4) await stage.ask("nothing", { coordinatorKeys: [] });
  }),

  differs(JoinGroupApi, "refusals", async (stage) => {
    const group = stage.name("g");
    const broker = await stage.coordinator(group);
    const asked = (rest: object = {}) => ({
      groupId: group,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: "",
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: consumerOf("t") }],
      ...rest,
    });
    await stage.ask("no group", asked({ groupId: "" }), { broker });
    await stage.ask("of another broker", asked(), { broker: anotherThan(stage, broker) });
    await stage.ask("a short session", asked({ sessionTimeoutMs: 1 }), { broker });
    await stage.ask("a long session", asked({ sessionTimeoutMs: 10_000_000 }), { broker });
    await stage.ask("no protocols", asked({ protocols: [] }), { broker });
    await stage.ask("no protocol type", asked({ protocolType: "" }), { broker });
    await stage.ask("an unknown member", asked({ memberId: STRANGER }), { broker });
    if (stage.version >= 5)
      await stage.ask("an unknown static member", asked({ memberId: STRANGER, groupInstanceId: "one" }), { broker });
    if (stage.version >= 4) await stage.ask("a member without id", asked(), { broker });
  }),

  differs(JoinGroupApi, "one member", async (stage) => {
    const group = stage.name("g");
    const broker = await stage.coordinator(group);
    const asked = (memberId: string, rest: object = {}) => ({
      groupId: group,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId,
      protocolType: "consumer",
      protocols: [
        { name: "range", metadata: consumerOf("t") },
        { name: "sticky", metadata: consumerOf("t") },
      ],
      ...rest,
    });
    let answer = await stage.ask("first", asked(""), { broker });
    if (typeof answer !== "string" && answer.errorCode !== 0)
      answer = await stage.ask("with its id", asked(answer.memberId), { broker });
    if (typeof answer === "string") return;
    const { memberId } = answer;
    await stage.ask("again before it is synced", asked(memberId), { broker });
    const generationId = 1;
    await stage.call(
      SyncGroupApi,
      3,
      { groupId: group, memberId, generationId, assignments: [{ memberId, assignment: Buffer.from("a") }] },
      broker,
    );
    await stage.ask("another protocol type", asked("", { protocolType: "connect" }), { broker });
    await stage.ask("no protocol in common", asked("", { protocols: [{ name: "other", metadata: Buffer.alloc(0) }] }), {
      broker,
    });
    await stage.ask("an unknown member", asked(STRANGER), { broker });
    await stage.ask("again, as the leader", asked(memberId), { broker });
    await stage.ask(
      "again, with other topics",
      asked(memberId, { protocols: [{ name: "range", metadata: consumerOf("u") }] }),
      { broker },
    );
    await stage.ask("a rebalance timeout below nothing", asked(memberId, { rebalanceTimeoutMs: -5 }), { broker });
  }),

  differs(
    JoinGroupApi,
    "static members",
    async (stage) => {
      const group = stage.name("g");
      const broker = await stage.coordinator(group);
      const asked = (memberId: string, groupInstanceId: string | null) => ({
        groupId: group,
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 10_000,
        memberId,
        groupInstanceId,
        protocolType: "consumer",
        protocols: [{ name: "range", metadata: consumerOf("t") }],
      });
      const first = await stage.ask("first", asked("", "one"), { broker });
      if (typeof first === "string") return;
      const sync = {
        groupId: group,
        memberId: first.memberId,
        groupInstanceId: "one",
        generationId: first.generationId,
      };
      await stage.call(
        SyncGroupApi,
        3,
        { ...sync, assignments: [{ memberId: first.memberId, assignment: Buffer.from("x") }] },
        broker,
      );
      const again = await stage.ask("came back without its id", asked("", "one"), { broker });
      await stage.ask("its old id", asked(first.memberId, "one"), { broker });
      await stage.ask("its id under no name", asked(first.memberId, null), { broker });
      await stage.ask("its id under another name", asked(typeof again === "string" ? "" : again.memberId, "two"), {
        broker,
      });
      await stage.ask("an empty name", asked("", ""), { broker });
      await tellGroup(stage, group, broker);
    },
    { first: 5 },
  ),

  differs(SyncGroupApi, "refusals", async (stage) => {
    const { group, broker, memberId } = await member(stage, "g");
    const asked = (rest: object = {}) => ({
      groupId: group,
      generationId: 1,
      memberId,
      protocolType: "consumer",
      protocolName: "range",
      assignments: [],
      ...rest,
    });
    await stage.ask("no group", asked({ groupId: "" }), { broker });
    await stage.ask("an unknown group", asked({ groupId: stage.name("none") }), {
      broker: await stage.coordinator(stage.name("none")),
    });
    await stage.ask("of another broker", asked(), { broker: anotherThan(stage, broker) });
    await stage.ask("an unknown member", asked({ memberId: STRANGER }), { broker });
    await stage.ask("no member", asked({ memberId: "" }), { broker });
    await stage.ask("an old generation", asked({ generationId: 0 }), { broker });
    await stage.ask("no generation", asked({ generationId: -1 }), { broker });
    if (stage.version >= 3)
      await stage.ask("a static name that it has not", asked({ groupInstanceId: "one" }), { broker });
    if (stage.version >= 5) {
      await stage.ask("another type", asked({ protocolType: "connect" }), { broker });
      await stage.ask("another protocol", asked({ protocolName: "sticky" }), { broker });
      await stage.ask("no type", asked({ protocolType: null }), { broker });
      await stage.ask("no protocol", asked({ protocolName: null }), { broker });
    }
    await stage.ask("synced", asked(), { broker });
  }),

  differs(HeartbeatApi, "refusals", async (stage) => {
    const { group, broker, memberId } = await member(stage, "g");
    const asked = (rest: object = {}) => ({ groupId: group, generationId: 1, memberId, ...rest });
    await stage.ask("no group", asked({ groupId: "" }), { broker });
    await stage.ask("an unknown group", asked({ groupId: stage.name("none") }), {
      broker: await stage.coordinator(stage.name("none")),
    });
    await stage.ask("of another broker", asked(), { broker: anotherThan(stage, broker) });
    await stage.ask("an unknown member", asked({ memberId: STRANGER }), { broker });
    await stage.ask("no member", asked({ memberId: "" }), { broker });
    await stage.ask("an old generation", asked({ generationId: 0 }), { broker });
    await stage.ask("a generation to come", asked({ generationId: 2 }), { broker });
    if (stage.version >= 3)
      await stage.ask("a static name that it has not", asked({ groupInstanceId: "one" }), { broker });
    await stage.ask("alive", asked(), { broker });
  }),

  differs(LeaveGroupApi, "members", async (stage) => {
    const { group, broker, memberId } = await member(stage, "g", {
      instanceId: stage.version >= 3 ? "one" : null,
    });
    if (stage.version < 3) {
      const asked = (rest: object = {}) => ({ groupId: group, memberId, ...rest });
      await stage.ask("no group", asked({ groupId: "" }), { broker });
      await stage.ask("an unknown group", asked({ groupId: stage.name("none") }), {
        broker: await stage.coordinator(stage.name("none")),
      });
      await stage.ask("an unknown member", asked({ memberId: STRANGER }), { broker });
      await stage.ask("of another broker", asked(), { broker: anotherThan(stage, broker) });
      await stage.ask("gone", asked(), { broker });
      await stage.ask("gone again", asked(), { broker });
    } else {
      const asked = (...members: { memberId: string; groupInstanceId?: string | null }[]) => ({
        groupId: group,
        members,
      });
      await stage.ask("no group", { ...asked({ memberId }), groupId: "" }, { broker });
      await stage.ask("of another broker", asked({ memberId }), { broker: anotherThan(stage, broker) });
      await stage.ask(
        "an unknown group",
        { ...asked({ memberId }), groupId: stage.name("none") },
        { broker: await stage.coordinator(stage.name("none")) },
      );
      await stage.ask("nobody", asked(), { broker });
      await stage.ask("an unknown member", asked({ memberId: STRANGER }), { broker });
      await stage.ask("an unknown name", asked({ memberId: "", groupInstanceId: "two" }), { broker });
      await stage.ask("another's name", asked({ memberId: STRANGER, groupInstanceId: "one" }), { broker });
      await stage.ask(
        "by name, and again",
        asked({ memberId: "", groupInstanceId: "one" }, { memberId, groupInstanceId: "one" }),
        { broker },
      );
    }
    await tellGroup(stage, group, broker);
  }),

  differs(DescribeGroupsApi, "groups", async (stage) => {
    const { group, broker } = await member(stage, "g");
    await stage.ask("one", { groups: [group] }, { broker });
    await stage.ask("no name", { groups: [""] }, { broker: await stage.coordinator("") });
    await stage.ask(
      "nobody",
      { groups: [stage.name("none")] },
      { broker: await stage.coordinator(stage.name("none")) },
    );
    await stage.ask("of another broker", { groups: [group] }, { broker: anotherThan(stage, broker) });
    await stage.ask("nothing", { groups: [] });
    if (stage.version >= 3)
      await stage.ask("with operations", { groups: [group], includeAuthorizedOperations: true }, { broker });
  }),

  differs(OffsetCommitApi, "who may", async (stage) => {
    const topic = await stage.topic("a");
    const { group, broker, memberId } = await member(stage, "g");
    const free = stage.name("free");
    const freeBroker = await stage.coordinator(free);
    const asked = (rest: object = {}, at: object = {}) => ({
      groupId: group,
      generationIdOrMemberEpoch: 1,
      memberId,
      topics: [
        {
          name: topic,
          topicId: stage.idOf(topic),
          partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: "m", ...at }],
        },
      ],
      ...rest,
    });
    await stage.ask("a member", asked(), { broker });
    await stage.ask("an unknown member", asked({ memberId: STRANGER }), { broker });
    await stage.ask("no member", asked({ memberId: "", generationIdOrMemberEpoch: -1 }), { broker });
    await stage.ask("no member, but a generation", asked({ memberId: "", generationIdOrMemberEpoch: 1 }), { broker });
    await stage.ask("an old generation", asked({ generationIdOrMemberEpoch: 0 }), { broker });
    await stage.ask("no generation", asked({ generationIdOrMemberEpoch: -1 }), { broker });
    if (stage.version >= 7)
      await stage.ask("a static name that it has not", asked({ groupInstanceId: "one" }), { broker });
    await stage.ask("of another broker", asked(), { broker: anotherThan(stage, broker) });
    const simple = { groupId: free, memberId: "", generationIdOrMemberEpoch: -1 };
    await stage.ask("no group", asked({ ...simple, groupId: "" }), { broker: await stage.coordinator("") });
    await stage.ask("a generation of a group without members", asked({ ...simple, generationIdOrMemberEpoch: 3 }), {
      broker: freeBroker,
    });
    await stage.ask("a member of a group without members", asked({ ...simple, memberId: STRANGER }), {
      broker: freeBroker,
    });
    await stage.ask("without members", asked(simple), { broker: freeBroker });
    await stage.ask("no such partition", asked(simple, { partitionIndex: 7 }), { broker: freeBroker });
    await stage.ask("a negative partition", asked(simple, { partitionIndex: -1 }), { broker: freeBroker });
    await stage.ask("a negative offset", asked(simple, { committedOffset: -5 }), { broker: freeBroker });
    await stage.ask("much metadata", asked(simple, { committedMetadata: "m".repeat(4097) }), { broker: freeBroker });
    await stage.ask("no metadata", asked(simple, { committedMetadata: null }), { broker: freeBroker });
    const unknown = [
      {
        name: stage.name("none"),
        topicId: "AAAAAAAAQAAAAAAAAAAAAQ",
        partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: "" }],
      },
    ];
    await stage.ask("no such topic", asked({ ...simple, topics: unknown }), { broker: freeBroker });
    await stage.ask("nothing", asked({ ...simple, topics: [] }), { broker: freeBroker });
  }),

  differs(OffsetFetchApi, "what is committed", async (stage) => {
    const topic = await stage.topic("a", { partitions: 2 });
    const group = stage.name("g");
    const broker = await stage.coordinator(group);
    await commit(stage, { group, broker, topic });
    type Topics = { name: string; topicId: string; partitionIndexes: number[] }[] | null;
    const asked = (topics: Topics, groupId = group) =>
      stage.version < 8 ? { groupId, topics } : { groups: [{ groupId, topics }] };
    const of = (...partitionIndexes: number[]) => [{ name: topic, topicId: stage.idOf(topic), partitionIndexes }];
    await stage.ask("two", asked(of(0, 1)), { broker });
    await stage.ask("no such partition", asked(of(9)), { broker });
    await stage.ask(
      "no such topic",
      asked([{ name: stage.name("none"), topicId: "AAAAAAAAQAAAAAAAAAAAAQ", partitionIndexes: [0] }]),
      { broker },
    );
    await stage.ask("nothing", asked([]), { broker });
    if (stage.version >= 2) await stage.ask("all", asked(null), { broker });
    await stage.ask("of another broker", asked(of(0)), { broker: anotherThan(stage, broker) });
    const none = stage.name("none");
    const noneBroker = await stage.coordinator(none);
    await stage.ask("a group of nobody", asked(of(0), none), { broker: noneBroker });
    if (stage.version >= 2) await stage.ask("all of a group of nobody", asked(null, none), { broker: noneBroker });
    await stage.ask("no group", asked(of(0), ""), { broker: await stage.coordinator("") });
    if (stage.version >= 7) await stage.ask("what is stable", { ...asked(of(0)), requireStable: true }, { broker });
    if (stage.version >= 9)
      for (const memberEpoch of [0, 5])
        await stage.ask(
          `a member of epoch ${memberEpoch}`,
          { groups: [{ groupId: group, memberId: STRANGER, memberEpoch, topics: of(0) }] },
          { broker },
        );
  }),

  differs(OffsetDeleteApi, "offsets", async (stage) => {
    const topic = await stage.topic("a", { partitions: 2 });
    const group = stage.name("free");
    const broker = await stage.coordinator(group);
    await commit(stage, { group, broker, topic });
    const asked = (groupId: string, name: string, ...indexes: number[]) => ({
      groupId,
      topics: [{ name, partitions: indexes.map((partitionIndex) => ({ partitionIndex })) }],
    });
    await stage.ask("one", asked(group, topic, 0), { broker });
    await stage.ask("again", asked(group, topic, 0), { broker });
    await stage.ask("no such partition", asked(group, topic, 8), { broker });
    await stage.ask("no such topic", asked(group, stage.name("none"), 0), { broker });
    await stage.ask("a group of nobody", asked(stage.name("none"), topic, 0), {
      broker: await stage.coordinator(stage.name("none")),
    });
    await stage.ask("no group", asked("", topic, 0), { broker: await stage.coordinator("") });
    await stage.ask("of another broker", asked(group, topic, 0), { broker: anotherThan(stage, broker) });
    const used: Member = await member(stage, "g", { topic });
    await stage.ask("in use", asked(used.group, topic, 0), { broker: used.broker });
    await stage.ask("not in use", asked(used.group, stage.name("other"), 0), { broker: used.broker });
  }),

  differs(DeleteGroupsApi, "groups", async (stage) => {
    const topic = await stage.topic("a");
    const free = stage.name("free");
    const broker = await stage.coordinator(free);
    await commit(stage, { group: free, broker, topic });
    const used = await member(stage, "g");
    await stage.ask("in use", { groupsNames: [used.group] }, { broker: used.broker });
    await stage.ask(
      "nobody",
      { groupsNames: [stage.name("none")] },
      { broker: await stage.coordinator(stage.name("none")) },
    );
    await stage.ask("no name", { groupsNames: [""] }, { broker: await stage.coordinator("") });
    await stage.ask("of another broker", { groupsNames: [free] }, { broker: anotherThan(stage, broker) });
    await stage.ask("free", { groupsNames: [free] }, { broker });
    await stage.ask("again", { groupsNames: [free] }, { broker });
    await stage.ask("nothing", { groupsNames: [] }, { broker });
  }),
];

type Coordinators = {
  nodeId: number;
  host: string;
  port: number;
  coordinators: readonly { nodeId: number; host: string; port: number }[];
};

/** The answer without which broker it is: that is a matter of placement. */
function placeless<T extends Coordinators>(answer: T): object {
  const without = <P extends { nodeId: number; host: string; port: number }>(place: P) =>
    place.nodeId < 0 ? place : { ...place, nodeId: "a broker", host: "its host", port: -1 };
  return { ...without(answer), coordinators: answer.coordinators.map(without) };
}

/** Writes down how the group stands. */
async function tellGroup(stage: Scene, group: string, broker: number): Promise<void> {
  stage.tell("the group", await stage.call(DescribeGroupsApi, 5, { groups: [group] }, broker));
}
