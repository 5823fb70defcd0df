// Speed, measured side by side; --help after the first word says more:
//   npm run bench -- produce|consume|replicate    brokers, beside the raw path and another Kafka
//   npm run bench -- metadata                     the coordination store, beside etcd and ZooKeeper
//   npm run bench -- failover                     writes while leaders are killed, beside another Kafka
//   npm run bench -- recovery|scale               brokers with much data, with many partitions
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
