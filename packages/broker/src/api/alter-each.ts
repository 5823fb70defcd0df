import { type AlterConfigsApi, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { changeConfig, type ConfigEdit, type ConfigTarget } from "../controller/change-config.ts";
import { targetOf } from "./config-resources.ts";
import type { Parts } from "./handler.ts";
import { repeatedOf } from "./repeated.ts";

type Resource = { resourceType: number; resourceName: string };
/** Both APIs answer in the same words. */
type Draft = ResponseDraft<typeof AlterConfigsApi>;

/** The answer to AlterConfigs and IncrementalAlterConfigs: each resource is changed by its own edit, one after the other, or says why not; one named twice is not changed at all. */
export async function alterEach<Named extends Resource>(
  { cluster }: Pick<Parts, "cluster">,
  request: { readonly resources: readonly Named[]; readonly validateOnly: boolean },
  edit: (target: ConfigTarget, resource: Named) => ConfigEdit,
): Promise<Draft> {
  const responses: Draft["responses"][number][] = [];
  const repeated = repeatedOf(request.resources.map(keyOf));
  for (const resource of request.resources) {
    const { resourceType, resourceName } = resource;
    const target = repeated.has(keyOf(resource))
      ? "Each resource must appear at most once."
      : targetOf(resourceType, resourceName);
    const { error, message } =
      typeof target === "string"
        ? { error: ErrorCode.INVALID_REQUEST, message: target }
        : await changeConfig(cluster, target, edit(target, resource), request);
    responses.push({ errorCode: error, errorMessage: message || null, resourceType, resourceName });
  }
  return { responses };
}

const keyOf = ({ resourceType, resourceName }: Resource): string => `${resourceType} ${resourceName}`;

/** The same answer when nothing could be tried. */
export const alteredNone = (request: { readonly resources: readonly Resource[] }, errorCode: number): Draft => ({
  responses: request.resources.map(({ resourceType, resourceName }) => ({
    errorCode,
    errorMessage: null,
    resourceType,
    resourceName,
  })),
});
