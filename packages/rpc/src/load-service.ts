import { fileURLToPath } from "node:url";

import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { RpcMethod } from "@odradek/kit";

const protoDirectory = fileURLToPath(new URL("../../../proto", import.meta.url));

/** What `loadService` answers for `{ Method: [Request, Response] }`. */
export type Service<Methods extends Record<string, readonly [request: object, response: object]>> = {
  [Name in keyof Methods]: RpcMethod<Methods[Name][0], Methods[Name][1]>;
};

/**
 * The methods of one service of a file in `proto/`: their paths and codecs. Names are in camel case, 64-bit integers are numbers,
 * bytes are Buffers (views of what was received), enums are strings, missing fields have their defaults, and each `oneof` has a
 * property of its name that holds the name of the member that is set. The type argument states the messages' types:
 * `loadService<{ Ping: [PingRequest, PingReply] }>("x.proto", "odradek.x.v1.X")`.
 */
export function loadService<Methods extends Record<string, readonly [request: object, response: object]>>(
  protoFileName: string,
  serviceName: string,
): Service<Methods> {
  const loaded = loadSync(protoFileName, {
    includeDirs: [protoDirectory],
    keepCase: false,
    longs: Number,
    bytes: Buffer,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const definition = loaded[serviceName] as ServiceDefinition | undefined;
  if (!definition) throw new Error(`${protoFileName} has no service ${serviceName}`);
  const methods: Record<string, RpcMethod<unknown, unknown>> = {};
  for (const [name, method] of Object.entries(definition)) {
    methods[name] = {
      path: method.path,
      encodeRequest: (message) => method.requestSerialize(message),
      decodeRequest: (bytes) => method.requestDeserialize(bytes),
      encodeResponse: (message) => method.responseSerialize(message),
      decodeResponse: (bytes) => method.responseDeserialize(bytes),
    };
  }
  return methods as Service<Methods>;
}
