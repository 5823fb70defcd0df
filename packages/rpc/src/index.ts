export { messageBytesMax } from "./channel-options.ts";
export { grpcRpc } from "./grpc-rpc.ts";
export { loadService, type Service } from "./load-service.ts";
