import { test } from "vitest";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { readRequestHeader, writeRequestHeader, writeResponseHeader } from "../header.ts";
import { writeUnsupportedApiVersions } from "./api-versions-fallback.ts";

test("an ApiVersions request of an unknown version gets exactly the v0 bytes Kafka sends", ({ expect }) => {
  const w = new Writer();
  writeUnsupportedApiVersions(w);
  expect(w.concat().toString("hex")).toBe("0023" + "00000001" + "0012" + "0000" + "0004");
});

test("the header of an ApiVersions request of the future can be read", ({ expect }) => {
  const w = new Writer();
  writeRequestHeader(w, { apiKey: 18, apiVersion: 99, correlationId: 7, clientId: null });
  expect(readRequestHeader(new Reader(w.concat()))).toEqual({
    apiKey: 18,
    apiVersion: 99,
    correlationId: 7,
    clientId: null,
  });
});

test("ApiVersions answers with header v0 in every version", ({ expect }) => {
  const w = new Writer();
  writeResponseHeader(w, 18, 4, 7);
  expect(w.concat().toString("hex")).toBe("00000007");
  writeResponseHeader(w, 3, 9, 7);
  expect(w.concat().toString("hex")).toBe("0000000700");
});
