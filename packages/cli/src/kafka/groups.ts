import type { Admin } from "@odradek/client";
import { Failure } from "../terminal/failure.ts";
import { print, printJson, printList, type OutputOptions } from "../terminal/output.ts";
import { table } from "../terminal/table.ts";
import { withAdmin } from "./admin.ts";
import type { KafkaOptions } from "./target.ts";

type Common = KafkaOptions & OutputOptions;

export type PartitionLag = {
  group: string;
  topic: string;
  partition: number;
  committed: number;
  high: number;
  lag: number;
};

export function listGroups(options: Common): Promise<void> {
  return withAdmin(options, async (admin) => {
    const found = await admin.listGroups();
    const rows = found.map(({ groupId, state, protocolType, coordinator }) => ({
      group: groupId,
      state,
      protocol: protocolType,
      coordinator,
    }));
    await printList(rows, options, [
      ["GROUP", ({ group }) => group],
      ["STATE", ({ state }) => state],
      ["COORDINATOR", ({ coordinator }) => coordinator],
    ]);
  });
}

export function describeGroup(options: Common & { group: string }): Promise<void> {
  return withAdmin(options, async (admin) => {
    const [group] = await admin.describeGroups([options.group]);
    // Kafka describes a group that does not exist as one that is dead.
    if (!group || (group.state === "Dead" && group.members.length === 0))
      throw new Failure("notFound", `there is no group ${options.group}`);
    if (options.output === "json") return printJson(group);
    if (options.output === "name") return print(`${group.groupId}\n`);
    const rows = group.members.map(({ memberId, clientId, host, assignment }) => [
      memberId,
      clientId,
      host,
      assignment.map(({ topic, partition }) => `${topic}-${partition}`).join(" "),
    ]);
    const head = `group ${group.groupId}  state ${group.state}  coordinator ${group.coordinator}`;
    return print(`${head}\n${table(["MEMBER", "CLIENT", "HOST", "PARTITIONS"], rows)}`);
  });
}

export function lagOfGroups(options: Common & { groups: string[] }): Promise<void> {
  return withAdmin(options, async (admin) => {
    const names = options.groups.length > 0 ? options.groups : (await admin.listGroups()).map(({ groupId }) => groupId);
    const rows = (await Promise.all(names.map((name) => lagOf(admin, name)))).flat();
    if (rows.length === 0 && options.groups.length > 0)
      throw new Failure("notFound", `no offsets are committed for ${options.groups.join(", ")}`);
    await printList(rows, options, [
      ["GROUP", ({ group }) => group],
      ["TOPIC", ({ topic }) => topic],
      ["PARTITION", ({ partition }) => partition],
      ["COMMITTED", ({ committed }) => committed],
      ["HIGH", ({ high }) => high],
      ["LAG", ({ lag }) => lag],
    ]);
  });
}

/** How far a group's committed offsets are from the ends of the partitions it has read. */
export async function lagOf(admin: Admin, group: string): Promise<PartitionLag[]> {
  const committed = await admin.fetchOffsets(group);
  if (committed.length === 0) return [];
  const ends = await admin.listOffsets(
    committed.map(({ topic, partition }) => ({ topic, partition })),
    "latest",
  );
  return committed.map(({ topic, partition, offset }) => {
    const high = ends.find((end) => end.topic === topic && end.partition === partition)?.offset ?? offset;
    return { group, topic, partition, committed: offset, high, lag: Math.max(0, high - offset) };
  });
}
