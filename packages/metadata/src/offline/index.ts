export { restoreSnapshot } from "./restore.ts";
export { decodeSnapshotFile, encodeSnapshotFile, type SnapshotFile } from "./snapshot-file.ts";
export { verifySnapshot } from "./verify.ts";
