import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A process as recorded: its number alone may have been given to another process since. */
export type ProcessIdentity = { pid: number; born: string };

export type ProcessState = "running" | "paused" | "gone";

/** When a process started and whether it is stopped, or null when there is no such process. */
function look(pid: number): { born: string; state: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { born: fields[19] ?? "", state: fields[0] ?? "" };
  } catch (error) {
    if (process.platform === "linux") return null;
    return lookWithPs(pid, error);
  }
}

function lookWithPs(pid: number, cause: unknown): { born: string; state: string } | null {
  const ps = spawnSync("ps", ["-o", "state=,lstart=", "-p", String(pid)], { encoding: "utf8" });
  if (ps.error) throw new Error(`neither /proc nor ps tells about process ${pid}`, { cause });
  const line = ps.stdout.trim();
  return line === "" ? null : { state: line[0] ?? "", born: line.slice(line.indexOf(" ")).trim() };
}

export function identify(pid: number): ProcessIdentity {
  return { pid, born: look(pid)?.born ?? "" };
}

/** A process that ended but was not reaped yet (Z) is gone. */
export function stateOf(identity: ProcessIdentity): ProcessState {
  const seen = look(identity.pid);
  if (seen === null || seen.born !== identity.born || seen.state === "Z" || seen.state === "X") return "gone";
  return seen.state === "T" ? "paused" : "running";
}

/** Sends a signal only to the very process that was recorded; returns whether it was still there. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (stateOf(identity) === "gone") return false;
  try {
    return process.kill(identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
