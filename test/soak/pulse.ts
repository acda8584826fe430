import { setTimeout as delay } from "node:timers/promises";
import { call } from "../crash/daemon-process.ts";
import type { Interval } from "./compare.ts";
import type { World } from "./world.ts";

/** How often the daemon is asked whether it is awake, and how late its answer may be, in ms. */
const PULSE_MS = 50;
const STALL_MS = 250;

/** Writes down when the daemon did not answer: a machine that does something else for a while is no fault of it. */
export async function feelPulse(world: World, stalls: Interval[], goesOn: () => boolean): Promise<void> {
  for (let from = Date.now(); goesOn(); ) {
    await delay(PULSE_MS);
    const answer = await call(world.places.sockets.agent, "GET", "/v1/health");
    const to = Date.now();
    if (answer?.status !== 200) continue;
    if (to - from > STALL_MS) stalls.push({ from, to });
    from = to;
  }
}
