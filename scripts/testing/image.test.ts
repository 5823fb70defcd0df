import { readFileSync } from "node:fs";
import { v8Flags as brokerFlags } from "@odradek/broker/v8-flags";
import { v8Flags as metadataFlags } from "@odradek/metadata/v8-flags";
import { expect, test } from "vitest";

const entrypoint = readFileSync(new URL("../../deploy/docker/entrypoint.sh", import.meta.url), "utf8");

test.for([
  ["metadata", metadataFlags],
  ["broker", brokerFlags],
] as const)("the image starts a %s with the flags that it needs", ([name, flags]) => {
  expect(entrypoint).toContain(`exec node ${flags.join(" ")} packages/${name}/src/main.ts`);
});
