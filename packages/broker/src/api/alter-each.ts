import { type AlterConfigsApi, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { changeConfig, type ConfigEdit, type ConfigTarget } from "../controller/change-config.ts";
import { targetOf } from "./config-resources.ts";
import type { Parts } from "./handler.ts";

type Resource = { resourceType: number; resourceName: string };
/** Both APIs answer in the same words. */
type Draft = ResponseDraft<typeof AlterConfigsApi>;

/** The answer to AlterConfigs and IncrementalAlterConfigs: each resource is changed by its own edit, one after the other, or says why not. */
export async function alterEach<Named extends Resource>(
  { cluster }: Pick<Parts, "cluster">,
  request: { readonly resources: readonly Named[]; readonly validateOnly: boolean },
  edit: (target: ConfigTarget, resource: Named) => ConfigEdit,
): Promise<Draft> {
  const responses: Draft["responses"][number][] = [];
  for (const resource of request.resources) {
    const { resourceType, resourceName } = resource;
    const target = targetOf(resourceType, resourceName);
    const { error, message } =
      typeof target === "string"
        ? { error: ErrorCode.INVALID_REQUEST, message: target }
        : await changeConfig(cluster, target, edit(target, resource), request);
    responses.push({ errorCode: error, errorMessage: message || null, resourceType, resourceName });
  }
  return { responses };
}

/** The same answer when nothing could be tried. */
export const alteredNone = (request: { readonly resources: readonly Resource[] }, errorCode: number): Draft => ({
  responses: request.resources.map(({ resourceType, resourceName }) => ({
    errorCode,
    errorMessage: null,
    resourceType,
    resourceName,
  })),
});
