/** What stands more than once in a list: requests that say two things of one subject are refused, as nobody can know which is meant. */
export function repeatedOf<T>(list: readonly T[]): Set<T> {
  const [seen, repeated] = [new Set<T>(), new Set<T>()];
  for (const one of list) (seen.has(one) ? repeated : seen).add(one);
  return repeated;
}
