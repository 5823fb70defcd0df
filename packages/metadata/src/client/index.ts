export { openSession } from "./session.ts";
export { listSessions, memberStatus } from "./status.ts";
export type * from "./types.ts";
