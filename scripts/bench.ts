// Speed, measured side by side; --help after the first word says more:
//   node scripts/bench.ts produce|consume|replicate    brokers, beside the raw path and another Kafka
//   node scripts/bench.ts metadata                     the coordination store, beside etcd and ZooKeeper
if (process.argv[2] === "metadata") {
  const { benchMetadata } = await import("./bench/metadata/command.ts");
  process.exit(await benchMetadata(process.argv.slice(3)));
} else await import("./bench/kafka.ts");
