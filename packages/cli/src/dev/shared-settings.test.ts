import { expect, it } from "vitest";
import { brokerDirectories, ownSetting, sharedSettings } from "./shared-settings.ts";

it("gives each broker a directory of its own in each of log.dirs, the last one that was given", () => {
  const settings = ["log.dirs=/x", "log.dir=/y", "log.dirs=/a, /b,"];
  expect(brokerDirectories(settings, "broker-2")).toEqual(["/a/broker-2", "/b/broker-2"]);
  expect(brokerDirectories(["log.dir=/y"], "broker-1")).toEqual(["/y/broker-1"]);
  expect(brokerDirectories(["log.dirs=", "log.retention.ms=7"], "broker-1")).toBeNull();
});

it("leaves every other setting as it is, and names the one that cannot be the same for all", () => {
  expect(sharedSettings(["log.dirs=/a", "log.retention.ms=7", "broker.rack=r"])).toEqual([
    "log.retention.ms=7",
    "broker.rack=r",
  ]);
  expect(ownSetting(["log.dirs=/a", "broker.rack=r"])).toBeUndefined();
  expect(ownSetting(["log.retention.ms=7", "node.id = 4"])).toBe("node.id");
});
