import type { Reader } from "../bytes/reader.ts";
import type { Writer } from "../bytes/writer.ts";
import type { Codec, Type } from "./type.ts";

/** One Kafka API: a request and its response in all versions we speak. Codecs are compiled on first use and kept. */
export type Api<Q, QD, S, SD> = {
  readonly key: number;
  readonly name: string;
  /** First and last version we speak. */
  readonly versions: readonly [first: number, last: number];
  readonly request: Type<Q, QD>;
  readonly response: Type<S, SD>;
  supports(version: number): boolean;
  isFlexible(version: number): boolean;
  /** Throws ProtocolError on malformed bytes. Bytes left over are the caller's to ignore, as Kafka does. */
  readRequest(reader: Reader, version: number): Q;
  /** Throws RangeError when the value can't be said in this version. */
  writeRequest(writer: Writer, version: number, value: QD): void;
  readResponse(reader: Reader, version: number): S;
  writeResponse(writer: Writer, version: number, value: SD): void;
};

// oxlint-disable-next-line typescript/no-explicit-any -- the only type every Api is assignable to
export type AnyApi = Api<any, any, any, any>;
export type RequestOf<A> = A extends Api<infer Q, infer _QD, infer _S, infer _SD> ? Q : never;
export type RequestDraft<A> = A extends Api<infer _Q, infer QD, infer _S, infer _SD> ? QD : never;
export type ResponseOf<A> = A extends Api<infer _Q, infer _QD, infer S, infer _SD> ? S : never;
export type ResponseDraft<A> = A extends Api<infer _Q, infer _QD, infer _S, infer SD> ? SD : never;

export function api<Q, QD, S, SD>(description: {
  key: number;
  name: string;
  versions: readonly [first: number, last: number];
  /** First flexible version; Infinity when there is none. */
  flexibleFrom: number;
  request: Type<Q, QD>;
  response: Type<S, SD>;
}): Api<Q, QD, S, SD> {
  const { key, name, versions, flexibleFrom, request, response } = description;
  const [first, last] = versions;
  const isFlexible = (version: number): boolean => version >= flexibleFrom;
  const perVersion = <T, D>(type: Type<T, D>): ((version: number) => Codec<T, D>) => {
    const codecs: (Codec<T, D> | undefined)[] = [];
    return (version) => {
      if (version < first || version > last)
        throw new RangeError(`${name} v${version} is not one of ${first}..${last}`);
      return (codecs[version] ??= type.compile({ number: version, flexible: isFlexible(version) }));
    };
  };
  const requests = perVersion(request);
  const responses = perVersion(response);
  return {
    key,
    name,
    versions,
    request,
    response,
    isFlexible,
    supports: (version) => version >= first && version <= last,
    readRequest: (reader, version) => requests(version).read(reader),
    writeRequest: (writer, version, value) => requests(version).write(writer, value),
    readResponse: (reader, version) => responses(version).read(reader),
    writeResponse: (writer, version, value) => responses(version).write(writer, value),
  };
}
