import { type ServiceError, type StatusObject, status } from "@grpc/grpc-js";
import { RpcError } from "@odradek/kit";

/** grpc-js wraps the one thing a reader wants to know. */
const wrapped = /^No connection established\. Last error: (?:Error: )?(.*?)\.? Resolution note: ?$/s;

/** The error of a call that ended with a status other than OK. */
export function rpcError(
  ended: Pick<StatusObject, "code" | "details">,
  address: string,
  cause?: ServiceError,
): RpcError {
  return new RpcError(
    status[ended.code] ?? "UNKNOWN",
    `${address}: ${ended.details.replace(wrapped, "$1")}`,
    cause ? { cause } : undefined,
  );
}

/** What a failed handler tells its caller: an RpcError keeps its code, anything else is INTERNAL. */
export function statusOf(error: unknown): { code: status; details: string } {
  const details = error instanceof Error ? error.message : String(error);
  if (!(error instanceof RpcError)) return { code: status.INTERNAL, details };
  const code = status[error.code as keyof typeof status];
  return { code: code ?? status.UNKNOWN, details };
}
