// As much of the protobuf wire format as the clients of this bench need.

/** A length-delimited field: bytes, a string, or a message. */
export function field(number: number, value: Buffer | string): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

export function numberField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** Fields by number, the last of each; 64-bit numbers may be ids, so they are kept whole. */
export function fieldsOf(message: Buffer): Map<number, Buffer | bigint> {
  const fields = new Map<number, Buffer | bigint>();
  let at = 0;
  const number = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new Error("the message is cut short");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = Number(number());
    if ((key & 7) === 0) fields.set(key >> 3, number());
    else if ((key & 7) === 2) {
      const end = Number(number()) + at;
      fields.set(key >> 3, message.subarray(at, end));
      at = end;
    } else throw new Error(`wire type ${key & 7} is not used here`);
  }
  return fields;
}
