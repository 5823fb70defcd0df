export { type Rescued, rescueSnapshot } from "./rescue.ts";
export { restoreSnapshot } from "./restore.ts";
export { decodeSnapshotFile, encodeSnapshotFile, type SnapshotFile } from "./snapshot-file.ts";
export { verifySnapshot } from "./verify.ts";
