import { stdout } from "node:process";

import { grpcRpc } from "../grpc-rpc.ts";

const bytes = (message: Buffer): Buffer => message;

/** A process that echoes every message of a stream; it prints its port. */
const server = grpcRpc().server();
server.accept(
  {
    path: "/test.Service/Talk",
    encodeRequest: bytes,
    decodeRequest: bytes,
    encodeResponse: bytes,
    decodeResponse: bytes,
  },
  (stream) => (stream.onMessage = (message) => stream.send(message)),
);
stdout.write(`${await server.listen("127.0.0.1:0")}\n`);
