import { AlterConfigsApi, type AlterConfigsRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { changeConfig } from "../controller/change-config.ts";
import { problemWithEdit } from "./config-edits.ts";
import { targetOf } from "./config-resources.ts";
import { handler, type Parts } from "./handler.ts";

// AlterConfigs (key 33).
// Replaces all settings made for a resource while running: what is not named goes back to its default.

type Draft = ResponseDraft<typeof AlterConfigsApi>;
type Result = Draft["responses"][number];

export const alterConfigs = handler(AlterConfigsApi, alter, {
  failed: (request, errorCode) => ({
    responses: request.resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage: null,
      resourceType,
      resourceName,
    })),
  }),
});

export async function alter({ cluster }: Pick<Parts, "cluster">, request: AlterConfigsRequest): Promise<Draft> {
  const responses: Result[] = [];
  for (const { resourceType, resourceName, configs } of request.resources) {
    const target = targetOf(resourceType, resourceName);
    const { error, message } =
      typeof target === "string"
        ? { error: ErrorCode.INVALID_REQUEST, message: target }
        : await changeConfig(
            cluster,
            target,
            () => {
              const settings = Object.fromEntries(configs.map(({ name, value }) => [name, value]));
              return problemWithEdit(target, settings) ?? (settings as Record<string, string>);
            },
            request,
          );
    responses.push({ errorCode: error, errorMessage: message || null, resourceType, resourceName });
  }
  return { responses };
}
