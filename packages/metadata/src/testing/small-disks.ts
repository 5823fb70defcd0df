import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { open, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MIB = 1024 * 1024;

/** Why this machine can't give anybody small disks; null: it can. */
export function noSmallDisks(): string | null {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root, to mount a tmpfs in a namespace of its own";
  const tried = spawnSync("unshare", ["-m", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /tmp && nsenter --version"]);
  return tried.status === 0 ? null : "needs unshare, nsenter and the right to mount";
}

/** A small file system per node, seen only by processes that enter the namespace: nothing is left when they are gone. */
export class SmallDisks {
  readonly directory = mkdtempSync(join(tmpdir(), "odradek-small-disks-"));
  readonly #holder: ChildProcess;

  private constructor(count: number, mib: number) {
    const mounts = Array.from({ length: count }, (_, at) => join(this.directory, String(at + 1)))
      .map((path) => `mkdir ${path} && mount -t tmpfs -o size=${mib}m tmpfs ${path}`)
      .join(" && ");
    const words = ["-m", "--propagation", "private", "sh", "-c", `${mounts} && echo mounted && exec sleep infinity`];
    this.#holder = spawn("unshare", words, { stdio: ["ignore", "pipe", "inherit"] });
  }

  static async mount(count: number, mib: number): Promise<SmallDisks> {
    const disks = new SmallDisks(count, mib);
    await once(disks.#holder.stdout!, "data");
    return disks;
  }

  /** What a process is started with to see the disks. */
  get enter(): string[] {
    return ["nsenter", "-t", String(this.#holder.pid), "-m"];
  }

  /** Fills the node's disk, but for so much; not in one go, for sessions of this process must live on. */
  async fill(id: number, leaveMib: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.seen(id));
    await using file = await open(this.#filler(id), "a");
    try {
      for (let left = bavail * bsize - leaveMib * MIB; left > 0; left -= MIB)
        await file.write(Buffer.alloc(Math.min(left, MIB)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  free(id: number): void {
    rmSync(this.#filler(id), { force: true });
  }

  async unmount(): Promise<void> {
    const gone = once(this.#holder, "exit");
    this.#holder.kill("SIGKILL");
    await gone;
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Where this process sees the node's disk: through the root of the process that holds the namespace. */
  seen(id: number): string {
    return `/proc/${this.#holder.pid}/root${this.directory}/${id}`;
  }

  #filler(id: number): string {
    return join(this.seen(id), "filler");
  }
}
