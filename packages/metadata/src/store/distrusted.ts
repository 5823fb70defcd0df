/** A store that must not be used again as it is, whatever its own checks say of it (RELIABILITY R-26). */
export class DistrustedError extends Error {
  override readonly name = "DistrustedError";
}

/** Where a node notes that its store in `directory` is not to be trusted, until it is set aside. */
export const distrustedFile = (directory: string): string => `${directory}.distrusted`;
