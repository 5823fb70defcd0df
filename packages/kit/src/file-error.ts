/** A disk that refused: the path is in the message, the system's error is the `cause`. */
export class FileError extends Error {
  override readonly name = "FileError";
  readonly path: string;
  /** The system's name for the reason (ENOSPC, EIO, ENOENT …), "" when it gave none. */
  readonly code: string;

  constructor(what: string, path: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`cannot ${what} ${path}: ${reason}`, { cause });
    this.path = path;
    this.code = codeOf(cause);
  }
}

export const fault = (what: string, path: string, cause: unknown): FileError =>
  cause instanceof FileError ? cause : new FileError(what, path, cause);

export const hasCode = (error: unknown, code: string): boolean => codeOf(error) === code;

/** The process (EMFILE) or the machine (ENFILE) has too many files open: no fault of the disk, and over as soon as some are closed (RELIABILITY L-25). */
export const lacksDescriptor = (error: unknown): boolean => hasCode(error, "EMFILE") || hasCode(error, "ENFILE");

export function guarded<Result>(what: string, path: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw fault(what, path, error);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
