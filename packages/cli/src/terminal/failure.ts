/** Exit codes of every command; scripts rely on them. */
export const exitCodes = {
  runtime: 1,
  usage: 2,
  notFound: 3,
  cannotConnect: 4,
  unhealthy: 5,
  timeout: 6,
  denied: 7,
  conflict: 8,
  interrupted: 130,
} as const;

export type FailureKind = keyof typeof exitCodes;

/** What a command could not do, in words for the person who typed it; the kind chooses the exit code. */
export class Failure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Failure";
    this.kind = kind;
  }
}
