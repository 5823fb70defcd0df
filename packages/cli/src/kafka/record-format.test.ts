import { describe, expect, it } from "vitest";
import { Failure } from "../terminal/failure.ts";
import { recordFormat, recordJson, type ShownRecord } from "./record-format.ts";

const record: ShownRecord = {
  topic: "words",
  partition: 2,
  offset: 41,
  timestamp: 1700,
  key: Buffer.from("k"),
  value: Buffer.from([0xff, 0x00]),
  headers: {},
};

describe("recordFormat", () => {
  it("puts fields and escapes where they stand", () => {
    expect(recordFormat("%t/%p@%o %T 100%%\\t%k\\n")(record).toString()).toBe("words/2@41 1700 100%\tk\n");
  });

  it("gives values byte for byte, and nothing for null", () => {
    expect(recordFormat("%v|%s")({ ...record, key: null })).toEqual(Buffer.from([0xff, 0x00, 0x7c, 0xff, 0x00]));
    expect(recordFormat("[%k]")({ ...record, key: null }).toString()).toBe("[]");
  });

  it("refuses a field that is none", () => {
    expect(() => recordFormat("%x")).toThrow(Failure);
  });
});

it("shows bytes that are not UTF-8 as base64", () => {
  expect(recordJson(record)).toMatchObject({ key: "k", value: { base64: "/wA=" }, offset: 41 });
});
