import { TreeStateMachine } from "../tree/machine.ts";
import { decodeSnapshotFile, type SnapshotFile } from "./snapshot-file.ts";

/** Reads the whole file and the tree in it. Throws an Error that says what is wrong. */
export function verifySnapshot(bytes: Buffer): SnapshotFile {
  const file = decodeSnapshotFile(bytes);
  const machine = new TreeStateMachine();
  machine.restore(file.data);
  const { state } = machine;
  state.check();
  const found = { revision: state.revision, nodes: state.size, sessions: state.sessions.size };
  for (const [name, value] of Object.entries(found))
    if (value !== file[name as keyof typeof found])
      throw new Error(`the tree has ${name} ${value}, the header says ${file[name as keyof typeof found]}`);
  return file;
}
