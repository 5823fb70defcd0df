import type { Connection, Files, Listener, Net } from "@odradek/kit";
import { filesBut, type MortalClock } from "@odradek/kit/testing";

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
      if (life.isDead) throw new Error("its process is dead");
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

/** Files of one life: the dead, whose code may still be on its way, change nothing under whoever comes after them. */
export function mortalFiles(files: Files, life: { readonly isDead: boolean }): Files {
  const alive = <T>(path: string, use: () => T): T => {
    if (life.isDead) throw new Error(`${path}: its process is dead`);
    return use();
  };
  return filesBut(files, {
    open: (path, options) => alive(path, () => files.open(path, options)),
    makeDirectory: (path) => alive(path, () => files.makeDirectory(path)),
    rename: (from, to) => alive(from, () => files.rename(from, to)),
    replace: async (path, bytes) => alive(path, () => files.replace(path, bytes)),
    remove: async (path) => alive(path, () => files.remove(path)),
    removeDirectory: async (path) => alive(path, () => files.removeDirectory(path)),
  });
}
