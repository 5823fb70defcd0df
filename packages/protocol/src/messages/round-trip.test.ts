import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, test } from "vitest";
import { isFlexible } from "../api-keys.ts";
import { ProtocolError } from "../bytes/protocol-error.ts";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { readRequestHeader } from "../header.ts";
import type { Codec } from "../schema/type.ts";
import { randomValue } from "../testing/dice.ts";
import { apis } from "./apis.ts";

const versionsOf = ([first, last]: readonly [number, number]): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);
const written = (write: (w: Writer) => void): Buffer => {
  const w = new Writer(64);
  write(w);
  return w.concat();
};

/** Up to 60 legal values; most throws of the dice are illegal where many strings are required. */
function valuesOf<T, D>(codec: Codec<T, D>): T[] {
  const values: T[] = [];
  for (let seed = 1; seed <= 3000 && values.length < 60; seed++) {
    const value = randomValue(codec, seed);
    if (value !== null) values.push(value);
  }
  return values;
}

const attempt = (read: () => unknown): unknown => {
  try {
    return read();
  } catch (error) {
    return error;
  }
};

test("every schema is of a known key and flexible from the version that Kafka says", ({ expect }) => {
  for (const [key, api] of apis) {
    expect(api.key).toBe(key);
    for (const version of versionsOf(api.versions)) expect(api.isFlexible(version)).toBe(isFlexible(key, version));
  }
});

describe.for([...apis.values()])("$name", (api) => {
  test.for(versionsOf(api.versions))("v%d: random values survive the round trip", (version, { expect }) => {
    const compiled = { number: version, flexible: api.isFlexible(version) };
    const request = api.request.compile(compiled);
    const response = api.response.compile(compiled);
    const requests = valuesOf(request);
    const responses = valuesOf(response);
    expect(Math.min(requests.length, responses.length)).toBeGreaterThan(0);
    for (const value of requests) {
      const bytes = written((w) => api.writeRequest(w, version, value));
      expect(api.readRequest(new Reader(bytes), version)).toEqual(value);
    }
    for (const value of responses) {
      const bytes = written((w) => api.writeResponse(w, version, value));
      expect(api.readResponse(new Reader(bytes), version)).toEqual(value);
    }
  });

  test("N-03: random bytes are a value or a ProtocolError, never anything else", ({ expect }) => {
    const version = fc.integer({ min: api.versions[0], max: api.versions[1] });
    fc.assert(
      fc.property(version, fc.uint8Array({ maxLength: 120 }), (v, random) => {
        for (const outcome of [
          attempt(() => api.readRequest(new Reader(Buffer.from(random)), v)),
          attempt(() => api.readResponse(new Reader(Buffer.from(random)), v)),
        ]) {
          if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});

test("N-03: recorded frames with damaged bytes are a value or a ProtocolError", ({ expect }) => {
  const lines = readFileSync(new URL("../testdata/frames.jsonl", import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
  const requests = lines.map((line) => Buffer.from((JSON.parse(line) as { request: string }).request, "hex"));
  const damage = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...requests), damage, (request, places) => {
      const bytes = Buffer.from(request);
      for (const [at, byte] of places) bytes[Math.min(bytes.length - 1, 8 + at)] = byte;
      const outcome = attempt(() => {
        const r = new Reader(bytes);
        const { apiKey, apiVersion } = readRequestHeader(r);
        return apis.get(apiKey)!.supports(apiVersion) ? apis.get(apiKey)!.readRequest(r, apiVersion) : null;
      });
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ProtocolError);
    }),
    { numRuns: 3000 },
  );
});
