import type { ChannelOptions } from "@grpc/grpc-js";

/**
 * Bytes of the largest message either side accepts; a longer one ends the call with RESOURCE_EXHAUSTED. A replica gets a batch as a whole,
 * and one Kafka request can bring a batch of 100 MiB (socket.request.max.bytes).
 */
export const messageBytesMax = 112 * 1024 * 1024;

const shared: ChannelOptions = {
  "grpc.max_receive_message_length": messageBytesMax,
  "grpc.max_send_message_length": messageBytesMax,
  "grpc.keepalive_time_ms": 1000,
  "grpc.keepalive_timeout_ms": 1000,
  "grpc.enable_channelz": 0,
};

/** Only a client's receive window can be widened in grpc-js, so bulk data flows from server to client (PERFORMANCE §3). */
export const clientOptions: ChannelOptions = {
  ...shared,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 500,
  "grpc.enable_retries": 0,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.service_config_disable_resolution": 1,
  "grpc.enable_http_proxy": 0,
  "grpc.dns_min_time_between_resolutions_ms": 500,
  "grpc-node.flow_control_window": 8 * 1024 * 1024,
};

/** grpc-js servers do not punish frequent pings, so there is no enforcement to relax. */
export const serverOptions: ChannelOptions = shared;
