/** Java's String.hashCode, over UTF-16 units. */
function javaHash(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(31, hash) + text.charCodeAt(at)) | 0;
  return hash;
}

/** Which partition of an internal topic keeps this key: Kafka's `Utils.abs(hashCode) % count`. */
export const partitionFor = (key: string, partitions: number): number => (javaHash(key) & 0x7fff_ffff) % partitions;
