import { type ServiceError, type StatusObject, status } from "@grpc/grpc-js";
import { RpcError } from "@odradek/kit";

/** grpc-js wraps the one thing a reader wants to know. */
const wrapped = /^No connection established\. Last error: (?:Error: )?(.*?)\.? Resolution note: ?$/s;

/**
 * Nobody listens, or a connection that the system still took was closed before the first word of HTTP/2, as when a process is being torn
 * down or a proxy finds nobody behind it. Words of the system and of grpc-js: one that is not known here says only less.
 */
const refused = /\b(?:ECONNREFUSED|ECONNRESET|EPIPE)\b|^(?:Failed to connect|Socket closed|Connection closed)/;

/** The error of a call that ended with a status other than OK. */
export function rpcError(
  ended: Pick<StatusObject, "code" | "details">,
  address: string,
  cause?: ServiceError,
): RpcError {
  const isUnconnected = wrapped.test(ended.details);
  const why = ended.details.replace(wrapped, "$1");
  return new RpcError(status[ended.code] ?? "UNKNOWN", `${address}: ${why}`, {
    ...(cause && { cause }),
    isRefused: isUnconnected && refused.test(why),
  });
}

/** What a failed handler tells its caller: an RpcError keeps its code, anything else is INTERNAL. */
export function statusOf(error: unknown): { code: status; details: string } {
  const details = error instanceof Error ? error.message : String(error);
  if (!(error instanceof RpcError)) return { code: status.INTERNAL, details };
  const code = status[error.code as keyof typeof status];
  return { code: code ?? status.UNKNOWN, details };
}
