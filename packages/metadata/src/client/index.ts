export { changeMembers, compactHistory, transferLeadership } from "./administration.ts";
export { limits } from "../limits.ts";
export { downloadSnapshot } from "./snapshot.ts";
export { answerKnocks } from "./knock.ts";
export { openSession } from "./session.ts";
export { listSessions, memberStatus } from "./status.ts";
export type * from "./types.ts";
