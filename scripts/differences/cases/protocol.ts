import { ApiVersionsApi } from "@odradek/protocol/messages/api-versions";
import { differs } from "../case.ts";

/** A request header, version 1: enough for whatever follows. */
function header(apiKey: number, apiVersion: number, ...rest: Buffer[]): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.writeInt16BE(apiKey, 0);
  bytes.writeInt16BE(apiVersion, 2);
  bytes.writeInt32BE(7, 4);
  bytes.writeInt16BE(-1, 8);
  return Buffer.concat([bytes, ...rest]);
}

const API_VERSIONS = 18;
const METADATA = 3;
const noTags = Buffer.from([0]);
const compact = (text: string): Buffer => Buffer.concat([Buffer.from([text.length + 1]), Buffer.from(text)]);
const named = (name: string, version: string): Buffer =>
  Buffer.concat([noTags, compact(name), compact(version), noTags]);

export const protocolCases = [
  differs(ApiVersionsApi, "names of software", async (stage) => {
    if (stage.version < 3) return;
    for (const [name, version] of [
      ["odradek", "1.0"],
      ["", ""],
      ["a b", "1"],
      ["a", "1 0"],
      ["-a", "1"],
      ["a-", "1"],
      ["a", "1."],
    ] as const) {
      const answer = await stage.system.ask(1, stage.api, stage.version, {
        clientSoftwareName: name,
        clientSoftwareVersion: version,
      });
      stage.tell(
        `"${name}" "${version}"`,
        typeof answer === "string" ? answer : { errorCode: answer.errorCode, some: answer.apiKeys.length > 0 },
      );
    }
  }),

  differs(
    ApiVersionsApi,
    "what is served",
    async (stage) => {
      const answer = await stage.ask("all", { clientSoftwareName: "a", clientSoftwareVersion: "1" });
      if (typeof answer === "string") throw new Error(answer);
    },
    { first: 4 },
  ),

  differs(
    ApiVersionsApi,
    "strange requests",
    async (stage) => {
      const tell = async (label: string, body: Buffer): Promise<void> => {
        const answer = await stage.system.send(1, body, 1000);
        stage.tell(
          label,
          Buffer.isBuffer(answer) && answer.length > 60 ? `${answer.subarray(0, 6).toString("hex")}…` : answer,
        );
      };
      for (const version of [5, 99, -1])
        await tell(`ApiVersions ${version}`, header(API_VERSIONS, version, named("a", "1")));
      await tell("ApiVersions 99 without a body", header(API_VERSIONS, 99));
      await tell("ApiVersions 3 without a body", header(API_VERSIONS, 3));
      await tell("ApiVersions 0 with bytes behind", header(API_VERSIONS, 0, Buffer.alloc(9, 1)));
      for (const key of [4, 7, 27, 52, 58, 62, 95, 999, -1]) await tell(`API ${key}`, header(key, 0, Buffer.alloc(40)));
      await tell("Metadata 99", header(METADATA, 99, Buffer.alloc(40)));
      await tell("Metadata -1", header(METADATA, -1, Buffer.alloc(40)));
      await tell("Metadata without a body", header(METADATA, 1));
      await tell("an array longer than the request", header(METADATA, 1, Buffer.from([0x7f, 0xff, 0xff, 0xff])));
      await tell("an array of negative length", header(METADATA, 1, Buffer.from([0xff, 0xff, 0xff, 0xf0])));
      await tell("a header that is cut off", Buffer.from([0, 3, 0, 1]));
    },
    { first: 4 },
  ),
];
