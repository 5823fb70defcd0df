import type { Server } from "node:http";
import { serverLimits } from "./limits.ts";

// An import would read every property of the module, and node:http loads undici when asked for the last ones: 35 ms at each start.
const { createServer } = process.getBuiltinModule("node:http");

/** What the probes ask. */
export type Health = {
  /** The process answers at all. */
  isAlive(): boolean;
  /** Registered, and serving clients. */
  isReady(): boolean;
};

export type HttpServer = { readonly port: number; close(): Promise<void> };

/** Serves /livez and /readyz for container health checks: 200 or 503 with one word. Rejects when the address is taken. */
export function serveHttp(address: { host: string; port: number }, health: Health): Promise<HttpServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split("?", 1)[0];
    const isWell = path === "/livez" ? health.isAlive() : path === "/readyz" ? health.isReady() : null;
    const status = isWell === null ? 404 : isWell ? 200 : 503;
    response.writeHead(status, { "content-type": "text/plain", "cache-control": "no-store" });
    response.end(isWell === null ? "not found\n" : isWell ? "ok\n" : "not ready\n");
  });
  server.headersTimeout = 10_000;
  server.maxConnections = serverLimits.httpConnectionsMax;
  return new Promise((resolve, reject) => {
    const where = `${address.host}:${address.port}`;
    server.on("error", (cause) => reject(new Error(`can't listen on ${where}: ${cause.message}`, { cause })));
    server.listen(address, () => resolve({ port: portOf(server), close: () => close(server) }));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
