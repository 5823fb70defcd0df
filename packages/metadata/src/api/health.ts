import type { AddressInfo } from "node:net";
import { splitAddress } from "../config.ts";

// An import would read every property of the module, and node:http loads undici when asked for the last ones: 35 ms at each start.
const { createServer } = process.getBuiltinModule("node:http");

export type HealthServer = { port: number; close(): Promise<void> };

/** Serves /livez (the loop runs) and /readyz (a leader is known), plain text. */
export function serveHealth(address: string, isReady: () => boolean): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const isOk = request.url === "/livez" || (request.url === "/readyz" && isReady());
    const status = isOk ? 200 : request.url === "/readyz" ? 503 : 404;
    const text = isOk ? "ok\n" : status === 503 ? "no leader is known\n" : "not found\n";
    response.writeHead(status, { "content-type": "text/plain" }).end(text);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const { host, port } = splitAddress(address);
    server.listen(port, host, () => {
      server.removeListener("error", reject);
      const close = (): Promise<void> =>
        new Promise((closed) => {
          server.close(() => closed());
          server.closeAllConnections();
        });
      resolve({ port: (server.address() as AddressInfo).port, close });
    });
  });
}
