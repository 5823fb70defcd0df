import { InitProducerIdApi } from "@odradek/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import { orThrow } from "../errors.ts";
import type { Identity } from "./batch.ts";

/** A fresh producer id; any broker gives one. Retries until the deadline. */
export function freshIdentity(cluster: Cluster): Promise<Identity> {
  return cluster.retried("a producer id", async () => {
    const answer = await cluster.sendToAny(InitProducerIdApi, {
      transactionalId: null,
      transactionTimeoutMs: 0x7fff_ffff,
    });
    orThrow(answer.errorCode, "producer id");
    return { id: answer.producerId, epoch: answer.producerEpoch };
  });
}
