import { AlterConfigsApi, type AlterConfigsRequest, ErrorCode, type ResponseDraft } from "@odradek/protocol";
import { alteredNone, alterEach } from "./alter-each.ts";
import { problemWithEdit } from "./config-edits.ts";
import { handler, type Parts } from "./handler.ts";

// AlterConfigs (key 33).
// Replaces all settings made for a resource while running: what is not named goes back to its default.

export const alterConfigs = handler(AlterConfigsApi, alter, { failed: alteredNone });

export function alter(
  parts: Pick<Parts, "cluster">,
  request: AlterConfigsRequest,
): Promise<ResponseDraft<typeof AlterConfigsApi>> {
  return alterEach(parts, request, (target, { configs }) => () => {
    const settings = Object.fromEntries(configs.map(({ name, value }) => [name, value]));
    const empty = configs.find(({ value }) => value === null);
    if (empty) return { error: ErrorCode.INVALID_REQUEST, message: `Null value not supported for : ${empty.name}` };
    return problemWithEdit(target, settings) ?? (settings as Record<string, string>);
  });
}
