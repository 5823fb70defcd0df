import { readFileSync } from "node:fs";
import { describe, test } from "vitest";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { readRequestHeader, readResponseHeader, writeResponseHeader } from "../header.ts";
import { isFlexible } from "../api-keys.ts";
import { apis } from "./apis.ts";

// Frames recorded between a Kafka 4.3.1 and eight clients, without the 4-byte prefix.
type Frame = { readonly key: number; readonly version: number; readonly request: string; readonly response: string };
const text = readFileSync(new URL("../testdata/frames.jsonl", import.meta.url), "utf8");
const frames = text
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Frame);

const pairs = frames.filter(({ key, version }) => apis.get(key)!.supports(version));

test("the recording holds every API we have a schema for", ({ expect }) => {
  const missing = [...apis.values()]
    .filter(({ key }) => !pairs.some((pair) => pair.key === key))
    .map(({ name }) => name);
  expect(missing).toEqual([]);
  expect(pairs.length).toBeGreaterThan(200);
});

describe.for([...new Set(pairs.map(({ key, version }) => `${apis.get(key)!.name} v${version}`))])("%s", (name) => {
  const mine = pairs.filter(({ key, version }) => `${apis.get(key)!.name} v${version}` === name);
  const { key, version } = mine[0]!;
  const { request, response } = apis.get(key)!;
  const compiled = { number: version, flexible: isFlexible(key, version) };

  test("responses decode and encode to the same bytes", ({ expect }) => {
    const codec = response.compile(compiled);
    for (const pair of mine) {
      const bytes = Buffer.from(pair.response, "hex");
      const r = new Reader(bytes);
      const { correlationId } = readResponseHeader(r, key, version);
      const value = codec.read(r);
      expect(r.remaining).toBe(0);
      const w = new Writer();
      writeResponseHeader(w, key, version, correlationId);
      codec.write(w, value);
      expect(w.concat().toString("hex")).toBe(pair.response);
    }
  });

  test("requests decode whole, and decode the same after encoding", ({ expect }) => {
    const codec = request.compile(compiled);
    for (const pair of mine) {
      const r = new Reader(Buffer.from(pair.request, "hex"));
      const header = readRequestHeader(r);
      expect(header).toMatchObject({ apiKey: key, apiVersion: version });
      const value = codec.read(r);
      expect(r.remaining).toBe(0);
      const w = new Writer();
      codec.write(w, value);
      expect(codec.read(new Reader(w.concat()))).toEqual(value);
    }
  });
});
