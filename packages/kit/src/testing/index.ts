export * from "./free-ports.ts";
export * from "./memory-files.ts";
export * from "./memory-kv.ts";
export * from "./mortal.ts";
export * from "./seeded-random.ts";
export * from "./story.ts";
export * from "./virtual-clock.ts";
export * from "./memory-rpc.ts";
