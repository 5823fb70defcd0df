import { createProducer } from "@odradek/client";
import { createInterface } from "node:readline";
import { Failure } from "../terminal/failure.ts";
import { printJsonLine, tell } from "../terminal/output.ts";
import { asCommand } from "./failures.ts";
import { clientOptions, type KafkaOptions } from "./target.ts";

export type ProduceOptions = {
  topic: string;
  values: string[];
  key: string | undefined;
  "key-delimiter": string | undefined;
  header: string[];
  partition: number | undefined;
  acks: "all" | "1" | "0";
  compression: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  output: "none" | "json";
};

const linesPerSend = 500;
/** Sends that wait for their acknowledgement; more would only hold the whole input in memory. */
const sendsMax = 64;

export function runProduce(options: KafkaOptions & ProduceOptions): Promise<void> {
  return asCommand(async () => {
    const { acks, compression } = options;
    await using producer = createProducer({
      ...producerOptions(options),
      acks: acks === "all" ? "all" : (Number(acks) as 0 | 1),
      compression,
    });
    const makeMessage = messageMaker(options);
    const waiting = new Set<Promise<void>>();
    let sent = 0;
    const send = async (lines: string[]): Promise<void> => {
      const places = await producer.send({ topic: options.topic, messages: lines.map(makeMessage) });
      sent += places.length;
      if (options.output === "json") for (const place of places) await printJsonLine(place);
    };
    for await (const lines of inputOf(options.values)) {
      const sending = send(lines).finally(() => waiting.delete(sending));
      sending.catch(() => undefined); // awaited below; until then its failure is nobody's unhandled rejection
      waiting.add(sending);
      if (waiting.size >= sendsMax) await Promise.race(waiting);
    }
    await Promise.all(waiting);
    tell(`${sent} record${sent === 1 ? "" : "s"} to ${options.topic}`);
  });
}

/**
 * A leader that hangs keeps its place until its session ends: a request to it is given up early enough to reach the one that
 * takes over within the same `--timeout`.
 */
function producerOptions(options: KafkaOptions) {
  const client = clientOptions(options);
  const deliveryTimeoutMs = client.operationTimeoutMs;
  return { ...client, deliveryTimeoutMs, requestTimeoutMs: Math.max(1, Math.floor(deliveryTimeoutMs / 3)) };
}

function messageMaker(options: ProduceOptions) {
  const headers = Object.fromEntries(options.header.map(parseHeader));
  const partition = options.partition === undefined ? {} : { partition: options.partition };
  return (line: string) => {
    const delimiter = options["key-delimiter"];
    const at = delimiter === undefined ? -1 : line.indexOf(delimiter);
    const key = at < 0 ? (options.key ?? null) : line.slice(0, at);
    return { key, value: at < 0 ? line : line.slice(at + delimiter!.length), headers, ...partition };
  };
}

function parseHeader(text: string): [string, string] {
  const at = text.indexOf(":");
  if (at <= 0) throw new Failure("usage", `not a header: ${text} (name:value)`);
  return [text.slice(0, at), text.slice(at + 1)];
}

async function* inputOf(values: readonly string[]): AsyncGenerator<string[]> {
  if (values.length > 0) return yield [...values];
  let lines: string[] = [];
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    lines.push(line);
    // A person types a line and wants it sent; a file comes as fast as it is taken.
    if (lines.length < linesPerSend && !process.stdin.isTTY) continue;
    yield lines;
    lines = [];
  }
  if (lines.length > 0) yield lines;
}
