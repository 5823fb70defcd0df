import {
  ErrorCode,
  IncrementalAlterConfigsApi,
  type IncrementalAlterConfigsRequest,
  type ResponseDraft,
} from "@odradek/protocol";
import { changeConfig } from "../controller/change-config.ts";
import { applyChanges } from "./config-edits.ts";
import { targetOf } from "./config-resources.ts";
import { handler, type Parts } from "./handler.ts";

// IncrementalAlterConfigs (key 44).
// Changes single settings of a resource and leaves the others: set, delete (back to the default), append to and subtract from
// lists. All changes of one resource are made, or none.

type Draft = ResponseDraft<typeof IncrementalAlterConfigsApi>;
type Result = Draft["responses"][number];

export const incrementalAlterConfigs = handler(IncrementalAlterConfigsApi, alter, {
  failed: (request, errorCode) => ({
    responses: request.resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage: null,
      resourceType,
      resourceName,
    })),
  }),
});

export async function alter(
  { cluster }: Pick<Parts, "cluster">,
  request: IncrementalAlterConfigsRequest,
): Promise<Draft> {
  const responses: Result[] = [];
  for (const { resourceType, resourceName, configs } of request.resources) {
    const target = targetOf(resourceType, resourceName);
    const { error, message } =
      typeof target === "string"
        ? { error: ErrorCode.INVALID_REQUEST, message: target }
        : await changeConfig(
            cluster,
            target,
            (before) => applyChanges(target, before, configs, cluster.configLayers),
            request,
          );
    responses.push({ errorCode: error, errorMessage: message || null, resourceType, resourceName });
  }
  return { responses };
}
