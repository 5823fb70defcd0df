// ZooKeeper's records: big-endian numbers, strings and buffers behind their length, vectors behind their count.

export const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

export const long = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};

export const flag = (value: boolean): Buffer => Buffer.from([value ? 1 : 0]);

export const buffer = (value: Buffer): Buffer => Buffer.concat([int(value.length), value]);

export const text = (value: string): Buffer => buffer(Buffer.from(value));

/** A record, or a request, behind its length as it goes over the wire. */
export const framed = (...fields: readonly Buffer[]): Buffer => buffer(Buffer.concat(fields));
