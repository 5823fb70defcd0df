#!/bin/sh
# entrypoint.sh broker|metadata [flags]: a node with the defaults of a container; every variable can be set from outside.
# A broker is reached as $HOSTNAME:29092 by other containers and as localhost:$PORT by the host, the port being the same
# inside and outside, so that there is no mapping to learn.
set -eu
cd /opt/odradek
node=${1:-broker}
[ $# -gt 0 ] && shift
name=$(hostname)

case $node in
  metadata)
    id=${METADATA_ID:-1}
    port=${PORT:-$((2180 + id))}
    export METADATA_ID="$id"
    export METADATA_DATA_DIR="${METADATA_DATA_DIR:-/var/lib/odradek}"
    export METADATA_LISTEN="${METADATA_LISTEN:-0.0.0.0:$port}"
    export METADATA_HEALTH="${METADATA_HEALTH:-0.0.0.0:8180}"
    export METADATA_PEERS="${METADATA_PEERS:-$id=$name:$port}"
    # The flags of packages/metadata/src/v8-flags.ts.
    exec node --max-semi-space-size=4 packages/metadata/src/main.ts "$@"
    ;;
  broker)
    port=${PORT:-9092}
    export KAFKA_NODE_ID="${KAFKA_NODE_ID:-1}"
    export KAFKA_LOG_DIRS="${KAFKA_LOG_DIRS:-/var/lib/odradek}"
    export KAFKA_LISTENERS="${KAFKA_LISTENERS:-INTERNAL://0.0.0.0:29092,EXTERNAL://0.0.0.0:$port}"
    external=${EXTERNAL_HOST:-localhost}:$port
    export KAFKA_ADVERTISED_LISTENERS="${KAFKA_ADVERTISED_LISTENERS:-INTERNAL://$name:29092,EXTERNAL://$external}"
    export ODRADEK_GRPC_LISTENER="${ODRADEK_GRPC_LISTENER:-0.0.0.0:19092}"
    export ODRADEK_GRPC_ADVERTISED="${ODRADEK_GRPC_ADVERTISED:-$name:19092}"
    export ODRADEK_HTTP_LISTENER="${ODRADEK_HTTP_LISTENER:-0.0.0.0:8080}"
    # The flags of packages/broker/src/v8-flags.ts.
    exec node --external-memory-accounted-in-global-limit --initial-heap-size=512 packages/broker/src/main.ts "$@"
    ;;
  *)
    exec node packages/cli/src/main.ts "$node" "$@"
    ;;
esac
