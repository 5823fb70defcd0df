import type { Connection, Listener, Net } from "@odradek/kit";
import type { MortalClock } from "@odradek/kit/testing";

/** Byte streams of one life of a broker: they end with it, as the operating system ends those of a killed process. */
export function mortalNet(net: Net, life: MortalClock): Net {
  const listeners = new Set<Listener>();
  const connections = new Set<Connection>();
  life.onDeath(() => {
    for (const listener of listeners) void listener.close();
    for (const connection of connections) {
      connection.onClosed = () => {};
      connection.destroy();
    }
  });
  return {
    connect: (address, sink, options) => net.connect(address, sink, options),
    listen: async (address, accept) => {
      const listener = await net.listen(address, (connection) => {
        connections.add(connection);
        const sink = accept(connection);
        const { onClosed } = connection;
        connection.onClosed = (error) => {
          connections.delete(connection);
          onClosed(error);
        };
        return { room: () => sink.room(), filled: (bytes) => (life.isDead ? undefined : sink.filled(bytes)) };
      });
      if (life.isDead) void listener.close();
      else listeners.add(listener);
      return listener;
    },
  };
}
