import { readdirSync, readFileSync } from "node:fs";

interface Listed {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly commandLine: string;
}

/** All processes that run; ended ones that nobody has asked after (zombies) do not count. */
export function processes(): Listed[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const [state, parent, group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        const commandLine = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return state === "Z"
          ? []
          : [{ pid: Number(name), parent: Number(parent), group: Number(group), commandLine }];
      } catch {
        return []; // ended between the two looks
      }
    });
}

/** The spawners that a process has started. */
export function spawnersOf(pid: number): number[] {
  return processes()
    .filter(({ parent, commandLine }) => parent === pid && commandLine.includes("command-spawner"))
    .map((found) => found.pid);
}

/** Waits until something that has no event of its own is so. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
