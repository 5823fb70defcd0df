import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exitCodes, Failure, type FailureKind } from "../terminal/failure.ts";
import type { DevCluster } from "./cluster.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import type { DevState, NodeRole } from "./state-file.ts";

// An import would read every property of the module, and node:http loads undici when asked for the last ones: 35 ms at each start.
const { createServer, request } = process.getBuiltinModule("node:http");

const restartDeadlineMs = 60_000;

type Answer = { process: ProcessIdentity } | { kind: FailureKind; message: string };

/** How other commands ask `dev` to start a node again: only `dev` can, it holds the node's control pipe. */
export async function serveControl(cluster: DevCluster): Promise<{ server: Server; control: DevState["control"] }> {
  const token = randomBytes(24).toString("hex");
  const server = createServer((incoming, response) => void answer(cluster, token, incoming, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, control: { port: (server.address() as AddressInfo).port, token } };
}

async function answer(cluster: DevCluster, token: string, incoming: IncomingMessage, response: ServerResponse) {
  const [, verb, role, id] = (incoming.url ?? "").split("/");
  const send = (status: number, body: Answer): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  if (incoming.method !== "POST" || !sameToken(incoming.headers.authorization ?? "", token))
    return send(403, { kind: "denied", message: "only who can read dev.json may ask" });
  if (verb !== "restart" || (role !== "broker" && role !== "metadata"))
    return send(404, { kind: "usage", message: `no such request: ${incoming.url}` });
  try {
    send(200, { process: await cluster.restart(role, Number(id)) });
  } catch (error) {
    const kind = error instanceof Failure ? error.kind : "runtime";
    send(500, { kind, message: error instanceof Error ? error.message : String(error) });
  }
}

function sameToken(given: string, token: string): boolean {
  const wanted = Buffer.from(`Bearer ${token}`);
  const bytes = Buffer.from(given);
  return bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
}

/** Asks the running `dev` to restart a node; resolves when it serves. */
export async function askRestart(state: DevState, role: NodeRole, id: number): Promise<ProcessIdentity> {
  const asked = request({
    host: "127.0.0.1",
    port: state.control.port,
    method: "POST",
    path: `/restart/${role}/${id}`,
    headers: { authorization: `Bearer ${state.control.token}` },
    signal: AbortSignal.timeout(restartDeadlineMs),
  });
  asked.end();
  try {
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const chunks = await response.toArray();
    const body = JSON.parse(Buffer.concat(chunks as Buffer[]).toString("utf8")) as Answer;
    if ("process" in body) return body.process;
    throw new Failure(body.kind in exitCodes ? body.kind : "runtime", body.message);
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const late = (cause as Error).name === "AbortError" || (cause as Error).name === "TimeoutError";
    if (late) throw new Failure("timeout", `${role} ${id} does not serve after 60 s: see its log`, { cause });
    throw new Failure("cannotConnect", `\`odradek dev\` (process ${state.dev.pid}) does not answer`, { cause });
  }
}
