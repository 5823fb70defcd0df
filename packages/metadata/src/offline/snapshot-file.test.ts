import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { digestOf } from "../store/write.ts";
import { TreeStateMachine } from "../tree/machine.ts";
import { decodeSnapshotFile, encodeSnapshotFile, type SnapshotFile } from "./snapshot-file.ts";
import { verifySnapshot } from "./verify.ts";

function fileOf(data: Buffer, more: Partial<SnapshotFile> = {}): SnapshotFile {
  const place = { clusterId: "c", index: 9, term: 2, hash: Buffer.alloc(16, 7) };
  return { ...place, revision: 0, nodes: 1, sessions: 0, savedAtMs: 5, digest: digestOf(data), data, ...more };
}

test("a snapshot comes out of its file as it went in", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.string(), fc.nat(), (bytes, clusterId, index) => {
      const file = fileOf(Buffer.from(bytes), { clusterId, index });
      expect(decodeSnapshotFile(Buffer.concat(encodeSnapshotFile(file)))).toEqual(file);
    }),
  );
});

test("every flipped bit, every cut and every addition is noticed", () => {
  const whole = Buffer.concat(encodeSnapshotFile(fileOf(Buffer.from("some data"))));
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole);
    flipped[at]! ^= 1 << (at % 8);
    expect(() => decodeSnapshotFile(flipped), `byte ${at}`).toThrow(/snapshot/);
    expect(() => decodeSnapshotFile(whole.subarray(0, at)), `cut at ${at}`).toThrow(/snapshot/);
  }
  expect(() => decodeSnapshotFile(Buffer.concat([whole, Buffer.alloc(1)]))).toThrow("CRC");
});

test("what is in it must be a whole tree, the one that the header tells of", () => {
  const data = new TreeStateMachine().snapshot();
  const bytes = (file: SnapshotFile): Buffer => Buffer.concat(encodeSnapshotFile(file));
  expect(verifySnapshot(bytes(fileOf(data)))).toMatchObject({ revision: 0, nodes: 1 });
  expect(() => verifySnapshot(bytes(fileOf(data, { nodes: 2 })))).toThrow("nodes 1, the header says 2");
  expect(() => verifySnapshot(bytes(fileOf(Buffer.from("no tree"))))).toThrow();
});

test("a header that none of us wrote is refused, though the file's checksum is right", () => {
  const [fixed, header, data] = encodeSnapshotFile(fileOf(Buffer.from("some data"))) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  const withHeader = (text: string): Buffer => {
    const changed = Buffer.from(text);
    const start = Buffer.from(fixed);
    start.writeUInt32BE(changed.length, start.length - 4);
    const crc = Buffer.alloc(4);
    const body = Buffer.concat([start, changed, data]);
    crc.writeUInt32BE(crc32(body));
    return Buffer.concat([body, crc]);
  };
  expect(decodeSnapshotFile(withHeader(header.toString())).data.toString()).toBe("some data");
  expect(() => decodeSnapshotFile(withHeader("{"))).toThrow("no JSON");
  expect(() => decodeSnapshotFile(withHeader("null"))).toThrow("has no index");
  expect(() => decodeSnapshotFile(withHeader(header.toString().replace('"hash"', '"hush"')))).toThrow("has no hash");
});
