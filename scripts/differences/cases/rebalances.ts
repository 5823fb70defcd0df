import { HeartbeatApi } from "@odradek/protocol/messages/heartbeat";
import { JoinGroupApi } from "@odradek/protocol/messages/join-group";
import { LeaveGroupApi } from "@odradek/protocol/messages/leave-group";
import { ListGroupsApi } from "@odradek/protocol/messages/list-groups";
import { SyncGroupApi } from "@odradek/protocol/messages/sync-group";
import { differs } from "../case.ts";
import { commit, consumerOf, member } from "./group-members.ts";

const REBALANCE_IN_PROGRESS = 27;

export const rebalanceCases = [
  differs(JoinGroupApi, "two members", async (stage) => {
    const { group, broker, memberId } = await member(stage, "g");
    stage.tell("the first one", { memberId });
    const asked = (id: string, topic = "t") => ({
      groupId: group,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: id,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: consumerOf(topic) }],
    });
    const join = async (id: string) => stage.system.ask(broker, stage.api, stage.version, asked(id));
    const named = stage.version < 4 ? "" : await stage.ask("the second one, without its id", asked(""), { broker });
    const second = join(typeof named === "string" ? "" : named.memberId);
    await stage.until("the first one hears of a rebalance", async () => {
      const beat = await stage.call(HeartbeatApi, 3, { groupId: group, generationId: 1, memberId }, broker);
      return beat.errorCode === REBALANCE_IN_PROGRESS;
    });
    await stage.ask("the first one joins again", asked(memberId), { broker });
    const joined = await second;
    stage.tell("the second one joins", joined);
    if (typeof joined === "string") return;
    const sync = (id: string, generationId: number) =>
      stage.call(SyncGroupApi, 3, { groupId: group, memberId: id, generationId, assignments: [] }, broker);
    stage.tell("an old generation", await sync(memberId, 1));
    const following = sync(joined.memberId, 2);
    stage.tell("the leader assigns nothing", await sync(memberId, 2));
    stage.tell("the follower gets it", await following);
    const leave = { groupId: group, members: [{ memberId: joined.memberId }] };
    stage.tell("the second one leaves", await stage.call(LeaveGroupApi, 3, leave, broker));
    stage.tell(
      "the first one hears of it",
      await stage.call(HeartbeatApi, 3, { groupId: group, generationId: 2, memberId }, broker),
    );
  }),

  differs(ListGroupsApi, "filters", async (stage) => {
    const topic = await stage.topic("a");
    const used = await member(stage, "used");
    const free = stage.name("free");
    await commit(stage, { group: free, broker: await stage.coordinator(free), topic });
    const tell = async (label: string, filters: { statesFilter?: string[]; typesFilter?: string[] }) => {
      const groups = [];
      for (const broker of stage.system.brokers.keys()) {
        const answer = await stage.system.ask(broker, stage.api, stage.version, filters);
        if (typeof answer === "string") return stage.tell(label, answer);
        if (answer.errorCode !== 0) return stage.tell(label, { errorCode: answer.errorCode });
        groups.push(...answer.groups.filter(({ groupId }) => groupId === used.group || groupId === free));
      }
      stage.tell(label, groups);
    };
    await tell("all", {});
    if (stage.version < 4) return;
    for (const statesFilter of [["Stable"], ["stable"], ["Empty", "Stable"], ["Nonsense"], [""]])
      await tell(`states ${statesFilter.join(" ")}`, { statesFilter });
    if (stage.version < 5) return;
    for (const typesFilter of [["classic"], ["Consumer"], ["nonsense"]])
      await tell(`types ${typesFilter.join(" ")}`, { typesFilter });
  }),
];
