import { integerBelow, type Random } from "@odradek/kit";
import type { EventLoop } from "@odradek/kit/simulation";
import { SeededRandom } from "@odradek/kit/testing";
import type { ServiceNode } from "@odradek/metadata/testing";

import { DiskFaults } from "./disk-faults.ts";
import type { Links } from "./links.ts";
import type { MachineDisk } from "./machine-disk.ts";
import type { Fault, Injection } from "./schedule.ts";
import type { SimBroker } from "./sim-broker.ts";
import type { TreeView } from "./tree-checks.ts";

type Parts = {
  loop: EventLoop;
  links: Links;
  brokers: readonly SimBroker[];
  members: readonly ServiceNode[];
  tree: TreeView;
  /** Names of all processes: brokers, members and clients. */
  names: () => readonly string[];
  schedule: readonly Injection[];
  quickRestarts: number;
  isDurable: boolean;
  minInSync: number;
  /** A broker's process ended. */
  died: (broker: SimBroker, how: { lossy: boolean }) => void;
  /** One of its disks has been replaced by an empty one. */
  forgot: (broker: SimBroker) => void;
};

const DAY_MS = 86_400_000;

/** Does the harm of a schedule until told to stop. Chance is that of each injection, so that leaving one out changes no other. */
export class ClusterFaults {
  readonly #parts: Parts;
  readonly #cuts = new Set<string>();
  readonly #disks: DiskFaults;
  #stopped = false;
  /** Has lost records that it acknowledged, and does not have them again yet: nobody else may lose any (RELIABILITY S1, P-15). */
  #harmed: SimBroker | null = null;
  /** Have disks that fail: whatever they have lost, the cluster does not take their word for it that they have all (KIP-966). */
  readonly #doubtful = new Set<SimBroker>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#disks = new DiskFaults({
      loop: parts.loop,
      restart: (broker, random, awayMs) => this.#startAgain(broker, random, awayMs),
      mayForget: (broker) => this.#copesWithLoss && !this.#isHarmed() && this.#isCalmAround(broker),
      forgot: (broker) => {
        this.#harmed = broker;
        parts.forgot(broker);
      },
    });
    for (const { atMs, fault, chance } of parts.schedule)
      parts.loop.at(atMs, () => {
        if (!this.#stopped && (this.#copesWithLoss || !this.#hasLost())) this.#inject(fault, new SeededRandom(chance));
      });
  }

  /** Of two that have what is committed one may forget it, whatever else happens meanwhile (KIP-966, P-15). */
  get #copesWithLoss(): boolean {
    return this.#parts.minInSync > 1;
  }

  /** Heals everything: links, disks, pauses; starts everyone. */
  stop(): void {
    const { brokers, members } = this.#parts;
    this.#stopped = true;
    this.#disks.stop();
    this.#healAll();
    for (const broker of brokers) {
      broker.disk.hangsUntilMs = 0;
      broker.disk.syncMs = 0.5;
      broker.setClock(0);
      for (const disk of broker.disk.disks) disk.mend();
      broker.life?.clock.resume();
      // A directory that has failed is used again by the next process.
      if (broker.disk.mayFail) this.#end(broker);
      if (broker.life === null) broker.start();
    }
    for (const member of members) {
      if (member.paused) member.resume();
      if (!member.up) member.start();
    }
  }

  /** The disk of a partition's leader dies, and nobody mends it. Returns whose it is, and the partitions on it. */
  killDisk(random: Random): { broker: number; partitions: number[] } {
    const { brokers, tree } = this.#parts;
    const index = integerBelow(random, tree.partitions.length);
    const broker = brokers.find(({ id }) => id === tree.partitions[index]!.leader)!;
    const disk = broker.disk.disks.find((each) => isOn(each, index))!;
    disk.health = random.next() < 0.5 ? "dead" : "readOnly";
    broker.disk.willFail();
    return { broker: broker.id, partitions: [...tree.partitions.keys()].filter((each) => isOn(disk, each)) };
  }

  /** It has lost records that it had acknowledged, and does not have them again yet. */
  isHarmed(broker: SimBroker): boolean {
    return this.#hasLost() && this.#harmed === broker;
  }

  /** Its process ended by itself; whoever looks after processes starts it again. */
  restart(broker: SimBroker, random: Random, awayMs?: number): void {
    const { loop, quickRestarts } = this.#parts;
    const drawnMs = random.next() < quickRestarts ? random.next() * 30 : random.next() ** 2 * 4_000;
    loop.at(awayMs ?? drawnMs, () => {
      if (broker.life === null) broker.start();
    });
  }

  #inject(fault: Fault, random: Random): void {
    const { brokers, members, loop } = this.#parts;
    const broker = pick(brokers, random);
    const leader = brokers.find(({ id }) => id === pick(this.#parts.tree.partitions, random)?.leader) ?? broker;
    const member = pick(members, random);
    switch (fault) {
      case "kill":
        return this.#kill(broker, random);
      case "killLeader":
        return this.#kill(leader, random);
      case "killAll":
        for (const one of brokers) this.#kill(one, random);
        return;
      case "killStarting":
        this.#kill(broker, random);
        if (broker.life === null) broker.start();
        return void loop.at(random.next() * 60, () => this.#kill(broker, random));
      case "losePower":
        if (this.#mayLosePower(broker)) this.#losePower(broker, random);
        return;
      case "losePowerAll":
        for (const one of brokers) this.#losePower(one, random);
        return;
      case "losePowerFirstBack":
        return this.#losePowerFirstBack(leader, random);
      case "absence":
        return this.#kill(broker, random, 500 + random.next() * 1_500);
      case "muteLeader":
        return this.#mute(leader, random);
      case "deposeLeader":
        return this.#depose(leader, random);
      case "pause":
      case "pauseLeader":
        return this.#pause(fault === "pause" ? broker : leader, random);
      case "isolate":
      case "isolateLeader":
        return this.#isolate((fault === "isolate" ? broker : leader).name, this.#parts.names(), random);
      case "fromStore":
        return this.#isolate(
          broker.name,
          members.map(({ id }) => `m${id}`),
          random,
        );
      case "oneWay":
        return this.#cut(pick(this.#parts.names(), random), pick(this.#parts.names(), random), random);
      case "diskHangs":
        broker.disk.hangsUntilMs = loop.nowMs + random.next() * 4_000;
        return;
      case "writeFails":
      case "syncFails":
        return this.#failDisk(broker, fault, random);
      case "diskFull":
      case "diskDies":
        if (this.#isHarmed() || broker.life === null) return;
        this.#doubtful.add(broker);
        return this.#disks.inject(fault, broker, random);
      case "clockJumps":
        return broker.setClock((random.next() - 0.5) * 2 * DAY_MS * random.next() ** 4);
      case "stop":
        return void this.#stop(broker, random);
      case "rolling":
        return void this.#rolling(random);
      case "memberCrash":
        return this.#crash(member, random);
      case "memberLeaderCrash":
        for (const one of members) if (one.driver?.core.state.role.is === "leader") this.#crash(one, random);
        return;
      default:
        return fault satisfies never;
    }
  }

  #kill(broker: SimBroker, random: Random, awayMs?: number): void {
    if (broker.life !== null) this.#startAgain(broker, random, awayMs);
  }

  #startAgain(broker: SimBroker, random: Random, awayMs?: number): void {
    this.#end(broker);
    this.restart(broker, random, awayMs);
  }

  #end(broker: SimBroker): void {
    if (broker.life === null) return;
    this.#parts.died(broker, { lossy: false });
    broker.kill();
  }

  get #clients(): string[] {
    const { brokers, names } = this.#parts;
    return names().filter((name) => !brokers.some((broker) => broker.name === name));
  }

  /** No client hears from it, while it takes what they send. */
  #mute(broker: SimBroker, random: Random): void {
    for (const client of this.#clients) this.#cutNow(broker.name, client);
    this.#parts.loop.at(300 + random.next() * 1_500, () => this.#healAll());
  }

  /** Nobody follows it, and it takes what clients send, whether they hear from it or not, until another leads: that tail is cut off. */
  #depose(broker: SimBroker, random: Random): void {
    const { brokers, members, loop } = this.#parts;
    for (const peer of [...brokers.map(({ name }) => name), ...members.map(({ id }) => `m${id}`)]) {
      if (peer === broker.name) continue;
      this.#cutNow(broker.name, peer);
      this.#cutNow(peer, broker.name);
    }
    if (random.next() < 0.5) for (const client of this.#clients) this.#cutNow(broker.name, client);
    loop.at(2_000 + random.next() * 1_000, () => this.#healAll());
  }

  /** All die at once; the one that has lost its tail is back first, and those that have everything are waited for (KIP-966). */
  #losePowerFirstBack(broker: SimBroker, random: Random): void {
    if (!this.#copesWithLoss || !this.#mayLosePower(broker)) return;
    for (const one of this.#parts.brokers) if (one !== broker) this.#kill(one, random, 1_000 + random.next() * 2_000);
    this.#losePower(broker, random, random.next() * 300);
  }

  #losePower(broker: SimBroker, random: Random, awayMs?: number): void {
    if (broker.life === null) return;
    this.#parts.died(broker, { lossy: true });
    broker.losePower({ sizesFirst: random.next() < 0.3 });
    if (!this.#parts.isDurable) this.#harmed = broker;
    this.restart(broker, random, awayMs);
  }

  /**
   * One at a time, and not while the store knows of nobody else who surely has what is committed: a disk that failed may have taken it, too.
   * Where one in sync is enough only in good times: who has lost its tail must not be the only one left.
   */
  #mayLosePower(broker: SimBroker): boolean {
    const { tree, isDurable } = this.#parts;
    if (isDurable) return true;
    if (!this.#copesWithLoss) return this.#isCalmAround(broker);
    return (
      !this.#isHarmed() &&
      tree.partitions.every(
        ({ replicas, isr, eligible = [], modifiedRevision }) =>
          !replicas.includes(broker.id) ||
          [...isr, ...eligible].some((id) => id !== broker.id && tree.isSure(id, modifiedRevision)),
      )
    );
  }

  /** Everybody is there and hears everybody, and of each of its partitions another replica is in sync that has lost nothing. */
  #isCalmAround(broker: SimBroker): boolean {
    const { brokers, members, tree } = this.#parts;
    const isWell = (one: SimBroker): boolean => one.isUp && !one.paused && !one.disk.mayFail;
    if (
      this.#cuts.size > 0 ||
      !brokers.every((one) => one === broker || isWell(one)) ||
      !members.every((member) => member.driver)
    )
      return false;
    return tree.partitions.every(({ replicas, isr, modifiedRevision }) => {
      const isIntact = (id: number): boolean => {
        const registered = tree.broker(id);
        return registered !== null && registered.registeredRevision < modifiedRevision;
      };
      return !replicas.includes(broker.id) || isr.some((id) => id !== broker.id && isIntact(id));
    });
  }

  /** Somebody's records are gone, or may be as far as the cluster knows, until they are all there again. */
  #isHarmed(): boolean {
    for (const broker of this.#doubtful) if (this.#isBack(broker)) this.#doubtful.delete(broker);
    return this.#hasLost() || this.#doubtful.size > 0;
  }

  #hasLost(): boolean {
    if (this.#harmed !== null && this.#isBack(this.#harmed)) this.#harmed = null;
    return this.#harmed !== null;
  }

  /** Its disks are well, and it is in sync again, in a new life if it has one. */
  #isBack(broker: SimBroker): boolean {
    const { tree } = this.#parts;
    const registered = tree.broker(broker.id);
    if (!broker.isUp || broker.disk.mayFail || registered === null) return false;
    return tree.partitions.every(
      ({ replicas, isr, modifiedRevision }) =>
        !replicas.includes(broker.id) || (isr.includes(broker.id) && registered.registeredRevision < modifiedRevision),
    );
  }

  #pause(broker: SimBroker, random: Random): void {
    const { life } = broker;
    life?.clock.pause();
    this.#parts.loop.at(100 + random.next() ** 2 * 8_000, () => life?.clock.resume());
  }

  #failDisk(broker: SimBroker, fault: "writeFails" | "syncFails", random: Random): void {
    if (broker.life === null || this.#isHarmed()) return;
    this.#doubtful.add(broker);
    const path = random.next() < 0.7 ? ".log" : "";
    if (fault === "writeFails") broker.disk.failNextWrite({ path, bytesWritten: integerBelow(random, 200) });
    else broker.disk.failNextSync({ path, forgets: random.next() < 0.5 });
    // Of several directories one is left alone, and waits for somebody.
    if (broker.disk.disks.length > 1)
      this.#parts.loop.at(500 + random.next() * 4_000, () => {
        if (!this.#stopped && broker.disk.mayFail) this.#startAgain(broker, random);
      });
  }

  async #stop(broker: SimBroker, random: Random): Promise<void> {
    if (!broker.isUp) return;
    const { life } = broker;
    await broker.stop(() => this.#parts.died(broker, { lossy: false }));
    if (broker.life === null || broker.life !== life) this.restart(broker, random);
  }

  async #rolling(random: Random): Promise<void> {
    for (const broker of this.#parts.brokers) if (!this.#stopped) await this.#stop(broker, random);
  }

  #crash(member: ServiceNode, random: Random): void {
    if (!member.up) return;
    member.crash();
    this.#parts.loop.at(random.next() ** 2 * 3_000, () => {
      if (!member.up) member.start();
    });
  }

  /** One way or both, from all the others or only some. */
  #isolate(name: string, others: readonly string[], random: Random): void {
    const [share, way] = [random.next() < 0.6 ? 1 : random.next(), integerBelow(random, 3)];
    for (const other of others) {
      if (other === name || random.next() > share) continue;
      if (way !== 1) this.#cutNow(name, other);
      if (way !== 2) this.#cutNow(other, name);
    }
    this.#parts.loop.at(200 + random.next() ** 2 * 6_000, () => this.#healAll());
  }

  #cut(from: string, to: string, random: Random): void {
    if (from !== to) this.#cutNow(from, to);
    this.#parts.loop.at(200 + random.next() ** 2 * 6_000, () => this.#healAll());
  }

  #cutNow(from: string, to: string): void {
    if (this.#stopped) return;
    this.#cuts.add(`${from} ${to}`);
    this.#parts.links.cutOneWay(from, to);
  }

  #healAll(): void {
    for (const cut of this.#cuts) {
      const [from, to] = cut.split(" ");
      this.#parts.links.heal(from!, to!);
    }
    this.#cuts.clear();
  }
}

const isOn = ({ directories }: MachineDisk, partition: number): boolean =>
  directories.some((name) => name.endsWith(`-${partition}`));

const pick = <T>(from: readonly T[], random: Random): T => from[integerBelow(random, from.length)]!;
