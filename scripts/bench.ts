// Speed, measured side by side; --help after the first word says more:
//   node scripts/bench.ts produce|consume|replicate    brokers, beside the raw path and another Kafka
//   node scripts/bench.ts metadata                     the coordination store, beside etcd and ZooKeeper
//   node scripts/bench.ts failover                     writes while leaders are killed, beside another Kafka
//   node scripts/bench.ts recovery|scale               brokers with much data, with many partitions
const [word, ...rest] = process.argv.slice(2);
switch (word) {
  case "metadata": {
    const { benchMetadata } = await import("./bench/metadata/command.ts");
    process.exit(await benchMetadata(rest));
  }
  case "failover": {
    const { benchFailover } = await import("./bench/failover/command.ts");
    process.exit(await benchFailover(rest));
  }
  case "recovery":
  case "scale": {
    const { benchSize } = await import("./bench/size.ts");
    process.exit(await benchSize([word, ...rest]));
  }
  default: {
    const { benchKafka } = await import("./bench/kafka.ts");
    process.exit(await benchKafka(process.argv.slice(2)));
  }
}
