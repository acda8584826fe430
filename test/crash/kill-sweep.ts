import { EXIT } from "../../src/surfaces/cli/exit-codes.ts";
import { type DaemonProcess, launch, type Program } from "./daemon-process.ts";
import { checkAudit, checkDeath, checkEnd, executedTwice } from "./kill-checks.ts";
import { editWhileDown } from "./kill-person.ts";
import { play } from "./kill-story.ts";
import { linesOf, openGate, until, type World } from "./kill-world.ts";

/** One death: how the daemon is started, and what will kill it. */
export interface Death {
  readonly told: string;
  start(world: World): DaemonProcess;
  /** Called once it is started, before the story begins. */
  arrange(daemon: DaemonProcess): Promise<void>;
  /** Called at the beginning of every step of the story. */
  onStep(step: number, daemon: DaemonProcess): void;
}

export interface Swept {
  /** What did not hold, in sentences. */
  readonly found: readonly string[];
  readonly deaths: number;
  /** Deaths that came before the end of the story, where they were meant to. */
  readonly reached: number;
  /** Actions that were caught in the middle. */
  readonly midway: number;
}

/** Much of a story is waiting, so more are played side by side than there are processors. */
const SIDE_BY_SIDE = 4;
/** Verifying takes a process and half a second, so not every story ends with it. */
const STORIES_PER_AUDIT = 3;

/** Plays a story for each list of deaths: through them, one daemon after the other, and then to its end. */
export async function sweep(
  openWorld: () => World,
  program: Program,
  stories: readonly (readonly Death[])[],
): Promise<Swept> {
  const found: string[] = [];
  const left = [...stories.entries()];
  let [deaths, reached, midway] = [0, 0, 0];

  async function live(world: World, plan: readonly Death[], audited: boolean): Promise<string[]> {
    const wrong: string[] = [];
    let last: DaemonProcess | null = null;
    try {
      for (const death of plan) {
        const daemon = death.start(world);
        last = daemon;
        await death.arrange(daemon);
        const outlived = await play(world, daemon, (step) => death.onStep(step, daemon));
        // The story may end before the point is reached; then it dies here.
        daemon.signal("SIGKILL");
        const { exit, signal } = await daemon.ended;
        if (signal !== "SIGKILL") throw new Error(`it ended by itself with ${exit}\n${daemon.log()}`);
        deaths += 1;
        if (!outlived) reached += 1;
        wrong.push(...checkDeath(world));
        editWhileDown(world);
      }
      const daemon = launch(program, world.vault, world.env);
      last = daemon;
      if (!(await play(world, daemon))) throw new Error(`it ended by itself\n${daemon.log()}`);
      daemon.signal("SIGTERM");
      const { exit } = await daemon.ended;
      if (exit !== EXIT.done) throw new Error(`it stopped with ${exit}\n${daemon.log()}`);
      wrong.push(...(await checkEnd(world)));
      if (audited) wrong.push(...(await checkAudit(world, program)));
      // What was started by a daemon that is gone may still run; it is let go before its folder is.
      openGate(world);
      const begun = linesOf(world, "witness");
      const ended = () => begun.every((id) => linesOf(world, "ended").includes(id));
      await until("every command ends", null, ended);
    } catch (error) {
      wrong.push(error instanceof Error ? error.message : String(error), ...executedTwice(world));
    } finally {
      last?.signal("SIGKILL");
    }
    midway += world.midway.size;
    return wrong;
  }

  async function playSome(): Promise<void> {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [index, plan] = next;
      const told = plan.map((death) => death.told).join(", then ");
      const wrong = await live(openWorld(), plan, index % STORIES_PER_AUDIT === 0);
      found.push(...wrong.map((one) => `killed ${told}: ${one}`));
    }
  }

  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, playSome));
  return { found, deaths, reached, midway };
}
