import { IncrementalAlterConfigsApi, type IncrementalAlterConfigsRequest, type ResponseDraft } from "@odradek/protocol";
import { alteredNone, alterEach } from "./alter-each.ts";
import { applyChanges } from "./config-edits.ts";
import { handler, type Parts } from "./handler.ts";

// IncrementalAlterConfigs (key 44).
// Changes single settings of a resource and leaves the others: set, delete (back to the default), append to and subtract from
// lists. All changes of one resource are made, or none.

export const incrementalAlterConfigs = handler(IncrementalAlterConfigsApi, alter, { failed: alteredNone });

export function alter(
  parts: Pick<Parts, "cluster">,
  request: IncrementalAlterConfigsRequest,
): Promise<ResponseDraft<typeof IncrementalAlterConfigsApi>> {
  return alterEach(
    parts,
    request,
    (target, { configs }) =>
      (before) =>
        applyChanges(target, before, configs, parts.cluster.configLayers),
  );
}
