import type { Random } from "@odradek/kit";
import { randomUuid } from "@odradek/kit";
import type { Operation } from "../client/types.ts";

const parents = [
  "/cluster",
  "/brokers",
  "/brokers/ids",
  "/brokers/known",
  "/topics",
  "/config",
  "/config/topics",
  "/config/brokers",
  "/config/groups",
  "/admin",
];

/** What an empty tree gets: the cluster's id (22 characters base64url, as Kafka writes it) and the nodes brokers rely on (DESIGN D4). */
export function firstNodes(random: Random): Operation[] {
  const node = (path: string, value: object | null): Operation => ({
    is: "create",
    path,
    data: value === null ? Buffer.alloc(0) : Buffer.from(JSON.stringify(value)),
  });
  return [
    ...parents.map((path) => node(path, null)),
    { is: "create", path: "/cluster/id", data: Buffer.from(randomUuid(random).toString("base64url")) },
    node("/producer-ids", { next: 0 }),
    node("/controller-epoch", { epoch: 0 }),
  ];
}
