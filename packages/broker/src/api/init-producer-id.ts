import { ErrorCode, InitProducerIdApi } from "@odradek/protocol";
import { handler } from "./handler.ts";

// InitProducerId (key 22).
// A producer id nobody else has, with epoch 0, from any broker. There is no transaction coordinator: a transactional id is refused
// with an error that every client takes as final.

export const initProducerId = handler(InitProducerIdApi, async ({ cluster, logger }, request) => {
  if (request.transactionalId === "") return { errorCode: ErrorCode.INVALID_REQUEST, producerEpoch: -1 };
  if (request.transactionalId !== null)
    return { errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, producerEpoch: -1 };
  // Who resumes names both (KIP-360).
  if ((request.producerId === -1) !== (request.producerEpoch === -1))
    return { errorCode: ErrorCode.INVALID_REQUEST, producerEpoch: -1 };
  try {
    return { errorCode: ErrorCode.NONE, producerId: await cluster.allocateProducerId(), producerEpoch: 0 };
  } catch (cause) {
    logger.warn({ err: cause }, "could not reserve producer ids");
    return { errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE, producerEpoch: -1 };
  }
});
