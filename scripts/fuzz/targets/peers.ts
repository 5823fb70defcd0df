import type { RpcMethod } from "@odradek/kit";
import { follow, reread } from "../../../packages/broker/src/replica/messages.ts";
import { encodeData } from "../../../packages/broker/src/replica/data-codec.ts";
import { type ClientFrame, metadataService } from "../../../packages/metadata/src/client/frames.ts";
import { fromWireOperation } from "../../../packages/metadata/src/client/wire.ts";
import { talk } from "../../../packages/metadata/src/peers/wire.ts";
import { expect, type Target } from "../target.ts";

/** Whatever gRPC's transport turns into a failed call: the codec's errors, and ours that say so. */
const isCodecError = (error: unknown): boolean =>
  error instanceof Error &&
  (error.constructor === Error || error.constructor === RangeError || error.name === "ProtocolError");

type Decoder = { readonly name: string; readonly decode: (bytes: Buffer) => unknown };

const sides = (name: string, method: RpcMethod<never, never>): Decoder[] => [
  { name: `${name} request`, decode: (bytes) => method.decodeRequest(bytes) },
  { name: `${name} response`, decode: (bytes) => method.decodeResponse(bytes) },
];

const decoders: readonly Decoder[] = [
  ...Object.entries(metadataService).flatMap(([name, method]) => sides(name, method as RpcMethod<never, never>)),
  ...sides("Talk", talk as RpcMethod<never, never>),
  ...sides("Follow", follow as RpcMethod<never, never>),
  ...sides("Reread", reread as RpcMethod<never, never>),
  { name: "operations", decode: operations },
];

/** A write of a session, down to its operations. */
function operations(bytes: Buffer): unknown {
  const frame: ClientFrame = metadataService.Session.decodeRequest(bytes);
  if (frame.is !== "write") return frame.is;
  for (const operation of frame.write.operations.map(fromWireOperation)) {
    expect(typeof operation.path === "string", "an operation without a path");
    if (operation.is === "create" || operation.is === "set")
      expect(Buffer.isBuffer(operation.data), "data that is no Buffer");
  }
  return frame.is;
}

const behind = (name: string, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([decoders.findIndex((decoder) => decoder.name === name)]), bytes]);

/** Messages of the three gRPC services; the first byte says which. */
export const peers: Target = {
  name: "peers",
  isExpected: isCodecError,
  kindOf: (bytes) => (bytes[0] ?? 0) % decoders.length,
  seeds: () => {
    const write = metadataService.Session.encodeRequest({
      is: "write",
      write: {
        sequence: 1,
        answeredUpTo: 0,
        operations: [
          { is: "create", create: { path: "/a", data: Buffer.from("x"), ephemeral: true, sequential: false } },
          { is: "delete", delete: { path: "/a", version: 3, recursive: false } },
        ],
      },
    });
    const hash = Buffer.alloc(16, 1);
    const entries = [{ term: 1, is: "data" as const, data: Buffer.from("x") }];
    return [
      ...decoders.map(({ name }) => behind(name, Buffer.alloc(0))),
      ...["Session request", "operations"].map((name) => behind(name, write)),
      behind(
        "Talk request",
        talk.encodeRequest({
          is: "append",
          term: 1,
          previous: { index: 0, term: 0, hash },
          entries,
          commit: 0,
          round: 1,
        } as never),
      ),
      behind(
        "Follow response",
        Buffer.from(encodeData([{ attachId: 3, high: 7, start: 0, records: Buffer.from("records") }])),
      ),
    ];
  },
  run(bytes) {
    const { decode } = decoders[(bytes[0] ?? 0) % decoders.length]!;
    const message = decode(bytes.subarray(1));
    return typeof message === "object" && message !== null ? Object.keys(message).length : 0;
  },
};
