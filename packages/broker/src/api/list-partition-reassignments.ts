import {
  ErrorCode,
  ListPartitionReassignmentsApi,
  type ListPartitionReassignmentsRequest,
  type ResponseDraft,
} from "@odradek/protocol";
import type { PartitionImage } from "../cluster/image.ts";
import { isMoving } from "../cluster/moves.ts";
import { handler, type Parts } from "./handler.ts";

// ListPartitionReassignments (key 46).
// Of the partitions asked for, or of all for null, those that are being moved; others are left out, whether they exist or not.

type Draft = ResponseDraft<typeof ListPartitionReassignmentsApi>;
type PartitionDraft = Draft["topics"][number]["partitions"][number];

export const listPartitionReassignments = handler(ListPartitionReassignmentsApi, list, {
  failed: (_request, errorCode) => ({ errorCode, topics: [] }),
});

export function list({ cluster }: Pick<Parts, "cluster">, request: ListPartitionReassignmentsRequest): Promise<Draft> {
  const { topics } = cluster.image;
  const asked =
    request.topics?.map(({ name, partitionIndexes }) => ({ name, isAsked: new Set(partitionIndexes) })) ??
    [...topics.keys()].map((name) => ({ name, isAsked: null }));
  const shown = asked.flatMap(({ name, isAsked }) => {
    const moving = (topics.get(name)?.partitions ?? []).filter(
      (partition) => isMoving(partition) && isAsked?.has(partition.index) !== false,
    );
    return moving.length === 0 ? [] : [{ name, partitions: moving.map(shownAs) }];
  });
  return Promise.resolve({ errorCode: ErrorCode.NONE, topics: shown });
}

const shownAs = ({ index, replicas, adding = [], removing = [] }: PartitionImage): PartitionDraft => ({
  partitionIndex: index,
  replicas: [...replicas],
  addingReplicas: [...adding],
  removingReplicas: [...removing],
});
