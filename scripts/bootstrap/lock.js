import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const waitMsMax = 10 * 60_000;
const pollMs = 100;
const tombstoneMs = 60 * 60_000;

/**
 * Runs `work` while no other process holds the lock of `folder`.
 *
 * The lock is a directory that appears by rename with its owner's name already inside, so there is no moment when it is
 * held by nobody known. A lock that ended, given back or found with a dead owner, is renamed to a name made from that
 * owner's token and stays there for an hour: whoever still believes in the dead owner then meets a directory that is not
 * empty, and cannot take away the lock somebody else has made meanwhile.
 *
 * @template T
 * @param {string} folder
 * @param {(line: string) => void} say
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(folder, say, work) {
  mkdirSync(folder, { recursive: true });
  buryOld(folder);
  const lock = join(folder, "lock");
  const token = `${process.pid}-${Date.now()}-${Math.random().toString(36).slice(2)}`;
  const mine = join(folder, `lock-${token}`);
  mkdirSync(mine);
  writeFileSync(join(mine, "owner"), JSON.stringify({ pid: process.pid, born: bornAt(process.pid), token }));
  try {
    await take(lock, mine, folder, say);
  } catch (error) {
    rmSync(mine, { recursive: true, force: true });
    throw error;
  }
  try {
    return await work();
  } finally {
    renameSync(lock, join(folder, `released-${token}`));
  }
}

/** @param {string} lock @param {string} mine @param {string} folder @param {(line: string) => void} say */
async function take(lock, mine, folder, say) {
  const deadline = Date.now() + waitMsMax;
  let told = false;
  while (!renamed(mine, lock)) {
    const owner = ownerOf(lock);
    if (owner && !isAlive(owner)) {
      renamed(lock, join(folder, `released-${owner.token}`));
      continue;
    }
    if (owner && !told) say(`waiting for process ${owner.pid}, which is installing`);
    told ||= owner !== null;
    if (Date.now() > deadline) throw new Error(`${lock} is held by process ${owner?.pid} for over ten minutes`);
    await sleep(pollMs);
  }
}

/** @param {string} folder */
function buryOld(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (!name.startsWith("released-") || Date.now() - statSync(path).mtimeMs < tombstoneMs) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

/** @param {string} from @param {string} to */
function renamed(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "ENOENT", "EPERM"].includes(error.code)) return false;
    throw error;
  }
}

/** @param {string} lock */
function ownerOf(lock) {
  try {
    return JSON.parse(readFileSync(join(lock, "owner"), "utf8"));
  } catch {
    return null; // released between our rename and this read: try again
  }
}

/** @param {{ pid: number, born: string }} owner */
function isAlive(owner) {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
  return bornAt(owner.pid) === owner.born;
}

/** When a process started, in kernel ticks: a pid alone may have been given to another. Empty where /proc is missing. */
function bornAt(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
