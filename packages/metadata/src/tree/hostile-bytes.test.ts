import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { Reader, Writer } from "./bytes.ts";
import { decodeCommand } from "./commands.ts";
import { TreeStateMachine } from "./machine.ts";

const PLANT = 5;

test("N-03: a command that declares more operations than it has bytes is refused before room is made for them", () => {
  for (const count of [1, 2 ** 31, 2 ** 40]) {
    const bytes = new Writer().number(0).number(PLANT).number(count).done();
    expect(() => decodeCommand(bytes)).toThrow(`${count} elements are declared, 0 bytes are left`);
  }
  expect(new Reader(Buffer.from([2, 7, 8])).list(() => 1)).toEqual([1, 1]);
});

test("a planted node that a session should own is no command", () => {
  const create = 1;
  const operation = new Writer().number(0).number(PLANT).number(1).number(create).string("/a").buffer(Buffer.alloc(0));
  expect(() => decodeCommand(operation.flag(true).flag(false).done())).toThrow("without a session");
});

test("a snapshot that ends inside a length is damaged, though its checksum is right", () => {
  const snapshot = Buffer.alloc(6);
  snapshot.writeUInt32BE(crc32(snapshot.subarray(0, 2)), 2);
  expect(() => new TreeStateMachine().restore(snapshot)).toThrow("ends inside a length");
});
