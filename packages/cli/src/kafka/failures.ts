import { ConnectError, DeadlineError, KafkaError, UnsupportedVersionError } from "@odradek/client";
import { Failure, type FailureKind } from "../terminal/failure.ts";

/** Runs the Kafka part of a command; what goes wrong there becomes a Failure with the exit code scripts rely on. */
export async function asCommand<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translate(error);
  }
}

function translate(error: unknown): unknown {
  if (error instanceof Failure || !(error instanceof Error)) return error;
  if (error instanceof KafkaError) return new Failure(kindOf(error.codeName), error.message, { cause: error });
  const unreached = innermost(error, (cause) => cause instanceof ConnectError);
  if (unreached) return new Failure("cannotConnect", unreached.message, { cause: error });
  if (error instanceof DeadlineError)
    return new Failure("timeout", `${withCause(error)}; --timeout gives it longer`, { cause: error });
  if (error instanceof UnsupportedVersionError) return new Failure("runtime", error.message, { cause: error });
  return error;
}

/** Never "usage": what reached a broker was understood here, and this command's help says nothing about a broker's refusal. */
function kindOf(codeName: string): FailureKind {
  if (/^UNKNOWN_TOPIC|GROUP_ID_NOT_FOUND|RESOURCE_NOT_FOUND/.test(codeName)) return "notFound";
  if (/ALREADY_EXISTS|NON_EMPTY_GROUP/.test(codeName)) return "conflict";
  if (/AUTHORIZATION_FAILED|AUTHENTICATION/.test(codeName)) return "denied";
  if (/TIMED_OUT/.test(codeName)) return "timeout";
  return "runtime";
}

function innermost(error: Error, wanted: (cause: Error) => boolean): Error | null {
  const deeper = error.cause instanceof Error ? innermost(error.cause, wanted) : null;
  return deeper ?? (wanted(error) ? error : null);
}

function withCause(error: Error): string {
  return error.cause instanceof Error && !error.message.includes(error.cause.message)
    ? `${error.message}: ${error.cause.message}`
    : error.message;
}
