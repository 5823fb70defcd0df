/**
 * Flags that whoever starts a broker gives to Node, before the script. With V8's own limits a broker that moves record bytes outside the
 * heap collects garbage far too often: these two are worth a factor in replication throughput (PERFORMANCE §0).
 */
export const v8Flags: readonly string[] = ["--external-memory-accounted-in-global-limit", "--initial-heap-size=512"];
