import { silentLogger } from "@odradek/kit";
import { playStory, SeededRandom, type StoryCommand, VirtualClock } from "@odradek/kit/testing";
import { ErrorCode, errorName } from "@odradek/protocol";
import type { GroupLimits } from "../coordinator/group/desk.ts";
import { GroupShard } from "../coordinator/group/group-shard.ts";
import type { Joined } from "../coordinator/group/member.ts";
import type { GroupRecord } from "../coordinator/group/records.ts";
import { Timers } from "../coordinator/group/timers.ts";

const limits: GroupLimits = {
  initialRebalanceDelayMs: 3000,
  sessionTimeoutMsMin: 6000,
  sessionTimeoutMsMax: 1_800_000,
  membersMax: 3,
  offsetMetadataBytesMax: 16,
  offsetsRetentionMs: 7 * 86_400_000,
};

/** Plays stories about the groups of one shard. Members go by their client ids; what was answered during a command stands under it. */
export class GroupStory {
  readonly #clock = new VirtualClock();
  readonly #random = new SeededRandom(1);
  readonly #log: GroupRecord[] = [];
  /** Client → the member id it was given. */
  readonly #ids = new Map<string, string>();
  #answers: string[] = [];
  #shard: GroupShard;
  /** While appends hang, commands are decided and not answered. */
  #hanging: ((errorCode: ErrorCode) => void)[] | null = null;
  #pending: Promise<ErrorCode> = Promise.resolve(ErrorCode.NONE);

  constructor() {
    this.#shard = this.#load();
  }

  static play(path: string): Promise<{ recorded: string; played: string }> {
    const story = new GroupStory();
    return playStory(path, (command) => story.#run(command));
  }

  async #run(command: StoryCommand): Promise<string> {
    this.#answers = [];
    await this.#do(command);
    await this.#clock.advance(0);
    const said = this.#answers.splice(0);
    return said.length === 0 ? "nothing" : said.join("\n");
  }

  async #do(command: StoryCommand): Promise<void> {
    switch (command.name) {
      case "join":
        return this.#join(command);
      case "sync":
        return this.#sync(command);
      case "heartbeat":
        return this.#say(errorName(this.#shard.heartbeat("g", this.#inGeneration(command))));
      case "leave":
        return void this.#leave(command);
      case "commit":
        return this.#commit(command);
      case "offsets":
        return void this.#offsets();
      case "delete":
        return void this.#shard.delete("g").then((errorCode) => this.#say(errorName(errorCode)));
      case "delete-offsets":
        return void this.#deleteOffsets(command);
      case "forget":
        return this.#shard.forgetTopics((topic) => topic === command.words[0]);
      case "describe":
        return this.#describe();
      case "pass":
        return this.#clock.advance(Number(command.words[0]));
      case "stall":
        // The process stands still: no timer runs, then all that are due run late.
        return this.#clock.stall(Number(command.words[0]));
      case "failover":
        this.#shard.close(ErrorCode.NOT_COORDINATOR);
        this.#hanging = null;
        this.#shard = this.#load();
        return;
      case "appends":
        return this.#appends(command.words[0]!);
      default:
        throw new Error(`no command "${command.name}"`);
    }
  }

  #load(): GroupShard {
    const committed = (): Promise<ErrorCode> => this.#pending;
    const desk = {
      clock: this.#clock,
      random: this.#random,
      logger: silentLogger,
      timers: new Timers(this.#clock),
      limits,
      persist: (records: readonly GroupRecord[]) => this.#persist(shard, records),
    };
    const shard: GroupShard = new GroupShard(desk, committed);
    this.#pending = Promise.resolve(ErrorCode.NONE);
    for (const record of this.#log) shard.replay(record);
    shard.loaded(600_000);
    return shard;
  }

  #persist(shard: GroupShard, records: readonly GroupRecord[]): Promise<ErrorCode> {
    for (const record of records) shard.replay(structuredCloned(record));
    if (this.#hanging === null) {
      this.#log.push(...records.map(structuredCloned));
      return this.#pending;
    }
    const hanging = this.#hanging;
    this.#pending = new Promise((resolve) => {
      hanging.push((errorCode) => {
        if (errorCode === ErrorCode.NONE) this.#log.push(...records.map(structuredCloned));
        else shard.close(errorCode);
        resolve(errorCode);
      });
    });
    return this.#pending;
  }

  #appends(how: string): void {
    if (how === "hang") this.#hanging = [];
    else {
      const errorCode = how === "succeed" ? ErrorCode.NONE : ErrorCode.COORDINATOR_NOT_AVAILABLE;
      for (const settle of this.#hanging?.splice(0) ?? []) settle(errorCode);
      this.#hanging = null;
    }
  }

  #join({ words, options }: StoryCommand): void {
    const [client = ""] = words;
    const protocols = (options.get("protocols") ?? "range").split(",").map((name) => {
      const metadata = Buffer.from(options.get("metadata") ?? "");
      return { name, metadata };
    });
    const answer = this.#shard.join({
      groupId: "g",
      id: options.has("new") ? "" : this.#idOf(options.get("id") ?? client),
      instanceId: options.get("instance") ?? null,
      clientId: client,
      clientHost: "/host",
      sessionTimeoutMs: Number(options.get("session") ?? 10_000),
      rebalanceTimeoutMs: Number(options.get("rebalance") ?? 20_000),
      protocolType: options.get("type") ?? "consumer",
      protocols,
      mustKnowItsId: options.get("v") !== "3",
      canSkipAssignment: options.get("v") === "9",
    });
    void answer.then((joined) => this.#joined(client, joined));
  }

  #joined(client: string, joined: Joined): void {
    if (
      joined.memberId !== "" &&
      (joined.errorCode === ErrorCode.NONE || joined.errorCode === ErrorCode.MEMBER_ID_REQUIRED)
    )
      this.#ids.set(client, joined.memberId);
    if (joined.errorCode !== ErrorCode.NONE) return this.#say(`${client}: join ${errorName(joined.errorCode)}`);
    const members = joined.members.map(({ memberId }) => this.#nameOf(memberId)).join(",");
    const skips = joined.skipAssignment ? " skip-assignment" : "";
    const led = members === "" ? "" : ` members=${members}`;
    this.#say(
      `${client}: generation=${joined.generationId} protocol=${joined.protocolName} leader=${this.#nameOf(joined.leader)}${led}${skips}`,
    );
  }

  #sync({ words, options }: StoryCommand): void {
    const [client = ""] = words;
    const assignments = (options.get("assign") ?? "").split(",").flatMap((pair) => {
      const [name = "", what = ""] = pair.split(":");
      return name === "" ? [] : [{ memberId: this.#idOf(name), assignment: Buffer.from(what) }];
    });
    const answer = this.#shard.sync({
      ...this.#inGeneration({ name: "sync", words, options, body: [] }),
      groupId: "g",
      protocolType: null,
      protocolName: options.get("protocol") ?? null,
      assignments,
    });
    void answer.then(({ errorCode, assignment }) =>
      this.#say(
        `${client}: ${errorCode === ErrorCode.NONE ? `assigned "${assignment}"` : `sync ${errorName(errorCode)}`}`,
      ),
    );
  }

  async #leave({ words, options }: StoryCommand): Promise<void> {
    const instanceId = options.get("instance") ?? null;
    const leavers = words.length === 0 ? [""] : words.map((client) => this.#idOf(client));
    const errorCodes = await this.#shard.leave(
      "g",
      leavers.map((memberId) => ({ memberId, instanceId })),
    );
    this.#say(errorCodes.map(errorName).join(" "));
  }

  #commit(command: StoryCommand): void {
    const { options } = command;
    const answer = this.#shard.commit({
      ...this.#inGeneration(command),
      groupId: "g",
      offsets: (options.get("at") ?? "t:0").split(",").map((at) => {
        const [topic = "", partition = "0"] = at.split(":");
        const offset = Number(options.get("offset") ?? 1);
        return {
          topic,
          partition: Number(partition),
          offset,
          leaderEpoch: -1,
          metadata: options.get("metadata") ?? "",
        };
      }),
    });
    void answer.then((errorCodes) => this.#say(`commit ${errorCodes.map(errorName).join(" ")}`));
  }

  async #offsets(): Promise<void> {
    const offsets = await this.#shard.fetchOffsets("g");
    if (typeof offsets === "number") return this.#say(errorName(offsets));
    for (const [topic, partitions] of offsets)
      for (const [partition, { offset }] of partitions) this.#say(`${topic}-${partition} ${offset}`);
  }

  async #deleteOffsets({ words }: StoryCommand): Promise<void> {
    const answer = await this.#shard.deleteOffsets(
      "g",
      words.map((topic) => ({ topic, partition: 0 })),
    );
    this.#say(typeof answer === "number" ? errorName(answer) : answer.map(errorName).join(" "));
  }

  #describe(): void {
    const group = this.#shard.describe("g");
    if (group === null) return this.#say("no such group");
    const members = group.members.map(
      ({ memberId, assignment }) => `${this.#nameOf(memberId)}${assignment.length > 0 ? `="${assignment}"` : ""}`,
    );
    this.#say([group.state, ...members].join(" "));
  }

  #inGeneration({ words, options }: StoryCommand): {
    memberId: string;
    instanceId: string | null;
    generationId: number;
  } {
    const [client] = words;
    return {
      memberId: client === undefined ? "" : this.#idOf(options.get("id") ?? client),
      instanceId: options.get("instance") ?? null,
      generationId: Number(options.get("gen") ?? -1),
    };
  }

  #idOf(client: string): string {
    return this.#ids.get(client) ?? (client === "stranger" ? "stranger" : "");
  }

  #nameOf(memberId: string): string {
    return memberId.replace(/-[0-9a-f]{8}-[0-9a-f-]{27}$/, "");
  }

  #say(line: string): void {
    this.#answers.push(line);
  }
}

/** Records go through bytes in life: nothing is shared between what was appended and what is replayed. */
const structuredCloned = (record: GroupRecord): GroupRecord => {
  if (record.is === "offset" || record.value === null) return { ...record };
  return { ...record, value: { ...record.value, members: record.value.members.map((member) => ({ ...member })) } };
};
