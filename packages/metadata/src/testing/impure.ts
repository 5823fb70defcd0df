import { existsSync, rmSync } from "node:fs";
import { TreeStateMachine } from "../tree/machine.ts";

/*
 * Loaded into a metadata node before its program (`node --import`): once the file DATA-DIR.impure is there, the next entry does something on this
 * node that it does on no other, as a bug in applying would (RELIABILITY R-26).
 */
const flagFile = `${process.argv[process.argv.indexOf("--data-dir") + 1]}.impure`;
const { apply } = TreeStateMachine.prototype;

TreeStateMachine.prototype.apply = function (entry) {
  const applied = apply.call(this, entry);
  if (!existsSync(flagFile)) return applied;
  rmSync(flagFile);
  return { ...applied, writes: [...applied.writes, { is: "put", key: Buffer.from([0x7f]), value: Buffer.from("?") }] };
};
