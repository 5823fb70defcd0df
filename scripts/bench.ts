// Speed, measured side by side; --help after the first word says more:
//   node scripts/bench.ts produce|consume|replicate    brokers, beside the raw path and another Kafka
//   node scripts/bench.ts metadata                     the coordination store, beside etcd and ZooKeeper
//   node scripts/bench.ts recovery|scale                brokers with much data, with many partitions
if (process.argv[2] === "metadata") {
  const { benchMetadata } = await import("./bench/metadata/command.ts");
  process.exit(await benchMetadata(process.argv.slice(3)));
} else if (process.argv[2] === "recovery" || process.argv[2] === "scale") {
  const { benchSize } = await import("./bench/size.ts");
  process.exit(await benchSize(process.argv.slice(2)));
} else await import("./bench/kafka.ts");
