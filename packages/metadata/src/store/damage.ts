/** Damage, as opposed to a lock that another process holds, a full disk, or missing permissions: those must not cost the data. */
export function isDamage(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = "code" in cause ? cause.code : undefined;
    if (code === "LEVEL_CORRUPTION") return true;
    if (code === "LEVEL_LOCKED") return false;
    // A table that is shorter than the manifest says can't be mapped or read: "Invalid argument".
    if (code === "LEVEL_IO_ERROR")
      return /No such file|Invalid argument|Is a directory|Not a directory/.test(cause.message);
    if (/corrupt|bad block|truncated block|not an sstable|does not exist/i.test(cause.message)) return true;
  }
  return false;
}
