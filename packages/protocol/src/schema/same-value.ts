/** Whether two plain values (scalars, arrays, structs) are equal; keys of `a` decide which fields count. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((one, i) => sameValue(one, b[i]));
  if (Buffer.isBuffer(a)) return Buffer.isBuffer(b) && a.equals(b);
  return Object.entries(a).every(([key, value]) => sameValue(value, (b as { [key: string]: unknown })[key]));
}
