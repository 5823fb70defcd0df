import type { StoryCommand } from "@odradek/kit/testing";
import type { LogRow, OfPast, Operation, Outcome, Past, Session, Watch, WatchEvent, Znode } from "../client/types.ts";
import { collect, World } from "./world.ts";

/** Short enough for a story to outlive it. */
const history = { revisionsMax: 12, ageMsMax: 600_000 };

/** Plays the commands of tree stories on three simulated members; see testing/stories for what they look like. */
export class TreeStory {
  readonly #world: World;
  readonly #sessions = new Map<string, Session & Past>();
  readonly #watches = new Map<string, { watch: Watch; events: WatchEvent[] }>();

  private constructor(world: World) {
    this.#world = world;
  }

  static async start(): Promise<TreeStory> {
    return new TreeStory(await World.ofThree(1, history));
  }

  async run(command: StoryCommand): Promise<string> {
    const { clock, network, quorum } = this.#world;
    const [first = "", second = ""] = command.words;
    switch (command.name) {
      case "open":
        this.#sessions.set(first, await this.#world.session(first));
        return "";
      case "close":
        await this.#world.until(this.#session(first).close());
        return "";
      case "crash":
        network.crash(first);
        for (const member of quorum.members.values()) network.cut(first, `m${member.id}`);
        return "";
      case "cut":
        for (const member of quorum.members.values()) network.cut(first, `m${member.id}`);
        return "";
      case "heal":
        for (const member of quorum.members.values()) network.heal(first, `m${member.id}`);
        return "";
      case "kill":
        await this.#world.kill(Number(first));
        return "";
      case "elect":
        quorum.quorum.elect(Number(first), Number(command.options.get("surviving") ?? "0"));
        return "";
      case "wait":
        await clock.advance(Number(first));
        return "";
      default:
        return this.#ask(command, first, second);
    }
  }

  async #ask(command: StoryCommand, name: string, path: string): Promise<string> {
    const session = this.#session(name);
    switch (command.name) {
      case "multi":
        return outcomeText(await this.#world.until(session.multi(command.body.map(parseOperation))));
      case "get": {
        const at = command.options.get("at");
        if (at === undefined) return this.#nodeText(await this.#world.until(session.get(path)));
        const past = await this.#world.until(session.getAt(path, Number(at)));
        return pastText(past, (node) => this.#nodeText(node));
      }
      case "children": {
        const at = command.options.get("at");
        if (at === undefined) return (await this.#world.until(session.children(path))).join(" ");
        return pastText(await this.#world.until(session.childrenAt(path, Number(at))), (names) => names.join(" "));
      }
      case "log": {
        const after = command.options.get("after");
        const options = { path, recursive: true, ...(after === undefined ? {} : { afterRevision: Number(after) }) };
        return pastText(await this.#world.until(session.log(options)), (rows) => rows.map(rowText).join("\n"));
      }
      case "repeat":
        for (let times = 0; times < Number(command.options.get("times")); times++)
          await this.#world.until(session.multi(command.body.map(parseOperation)));
        return "";
      case "watch": {
        const from = command.options.get("from");
        const range = { path, recursive: command.words.includes("recursive") };
        const watch = session.watch({ ...range, ...(from === undefined ? {} : { fromRevision: Number(from) }) });
        this.#watches.set(name, { watch, events: collect(watch) });
        return this.#events(name);
      }
      case "events":
        return this.#events(name);
      case "state":
        return session.connected ? "connected" : Promise.race([session.ended, Promise.resolve("disconnected")]);
      default:
        throw new Error(`no story command is called ${command.name}`);
    }
  }

  #nodeText(node: Znode | null): string {
    if (!node) return "absent";
    const { version, createdRevision, modifiedRevision, owner, childCount } = node;
    const kind = owner === null ? "" : ` owner=${this.#nameOf(owner)}`;
    return `"${node.data}" version=${version} created=${createdRevision} modified=${modifiedRevision} children=${childCount}${kind}`;
  }

  /** What the watch has delivered since the last look, without bookmarks. */
  async #events(name: string): Promise<string> {
    await this.#world.clock.advance(20);
    const events = this.#watches.get(name)!.events.splice(0);
    return events
      .filter((event) => event.is !== "bookmark")
      .map(eventText)
      .join("\n");
  }

  #session(name: string): Session & Past {
    const session = this.#sessions.get(name);
    if (!session) throw new Error(`no session is called ${name}`);
    return session;
  }

  #nameOf(id: string): string {
    return [...this.#sessions].find(([, session]) => session.id === id)?.[0] ?? id;
  }
}

/** "create /a v ephemeral", "set /a v version=1", "delete /a recursive", "check /a version=1", "absent /a". */
function parseOperation(line: string): Operation {
  const words = line.trim().split(/\s+/);
  const flags = new Set(words);
  const [is, path = ""] = words;
  const versionText = words.find((word) => word.startsWith("version="))?.slice(8);
  const version = versionText === undefined ? "any" : Number(versionText);
  const data = Buffer.from(words[2] ?? "");
  switch (is) {
    case "create":
      return { is, path, data, ephemeral: flags.has("ephemeral"), sequential: flags.has("sequential") };
    case "set":
      return { is, path, data, version, ephemeral: flags.has("ephemeral") };
    case "delete":
      return { is, path, version, recursive: flags.has("recursive") };
    case "check":
      return { is, path, version: Number(versionText) };
    case "absent":
      return { is: "checkAbsent", path };
    default:
      throw new Error(`no operation is called ${is}`);
  }
}

function outcomeText(outcome: Outcome): string {
  if (outcome.is === "unknown") return "unknown";
  if (outcome.is === "failed") return `failed at=${outcome.at} ${outcome.failure} ${outcome.path}`;
  return `done revision=${outcome.revision} ${outcome.results.map(({ path, version }) => `${path}@${version}`).join(" ")}`;
}

function pastText<T>(past: OfPast<T>, text: (value: T) => string): string {
  if (past.is === "found") return text(past.value);
  if (past.is === "compacted") return `COMPACTED, the oldest that can be read is ${past.oldest}`;
  return `still to come, the newest is ${past.newest}`;
}

function rowText({ revision, name, kind, path, version }: LogRow): string {
  return `${revision} ${name || "-"} ${kind} ${path}@${version}`;
}

function eventText(event: WatchEvent): string {
  switch (event.is) {
    case "snapshot":
      return `snapshot ${event.revision}: ${event.nodes.map((node) => `${node.path}="${node.data}"`).join(" ")}`;
    case "changes": {
      const changed = event.changed.map((node) => ` ${node.path}="${node.data}"`).join("");
      const deleted = event.deleted.map((path) => ` -${path}`).join("");
      return `changes ${event.revision}:${changed}${deleted}`;
    }
    case "compacted":
      return `compacted, oldest is ${event.oldest}`;
    case "bookmark":
      return `bookmark ${event.revision}`;
  }
}
