import { api } from "../schema/api.ts";
import { optional, since, until } from "../schema/field.ts";
import { int16, int32, uuid, UUID_ZERO } from "../schema/primitives.ts";
import { array, string } from "../schema/sized.ts";
import { struct } from "../schema/struct.ts";
import type { Infer } from "../schema/type.ts";

// DeleteTopics (key 20), versions 1–6.
// Deletes topics by name; from v6 on also by id.
// v4 flexible · v5 errorMessage · v6 topics with name or topicId replace topicNames

export const DeleteTopicsRequest = struct({
  topics: since(
    6,
    array(
      struct({
        name: optional(string.nullable, null),
        topicId: uuid,
      }),
    ),
    [],
  ).strict,
  topicNames: until(5, array(string), []),
  timeoutMs: int32,
});
export type DeleteTopicsRequest = Infer<typeof DeleteTopicsRequest>;

export const DeleteTopicsResponse = struct({
  throttleTimeMs: optional(int32, 0),
  responses: array(
    struct({
      name: string.nullableSince(6),
      topicId: since(6, uuid, UUID_ZERO),
      errorCode: int16,
      errorMessage: since(5, string.nullable, null),
    }),
  ),
});
export type DeleteTopicsResponse = Infer<typeof DeleteTopicsResponse>;

export const DeleteTopicsApi = api({
  key: 20,
  name: "DeleteTopics",
  versions: [1, 6],
  flexibleFrom: 4,
  request: DeleteTopicsRequest,
  response: DeleteTopicsResponse,
});
