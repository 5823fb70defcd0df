import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * Ports of 127.0.0.1 that nobody listens on now, from below the range of which systems take the local ports of outgoing connections
 * (Linux: 32768 and up). One of those may be gone before its node listens, or while the node is down between a kill and a restart.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once("error", () => resolve(false))
      .listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
