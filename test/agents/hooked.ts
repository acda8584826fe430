import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../crash/daemon-process.ts";
import type { AgentStage } from "../surfaces/agents/stage.ts";
import type { Party } from "./parties.ts";

/** An agent's own home, with nothing in it but what it was prepared with. */
export interface Home {
  readonly party: Party;
  readonly home: string;
  readonly port: number;
}

export function environment({ program }: AgentStage, { party, home, port }: Home): Record<string, string> {
  const path = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
  return { PATH: path, HOME: home, NODE_COMPILE_CACHE: program.compiled, ...party.env(port, home) };
}

/** Puts our hooks into the agent's settings as a person would; gives their file. */
export async function setUpHooks(stage: AgentStage, home: Home, words: readonly string[]): Promise<string> {
  const { program, vault } = stage;
  const config = join(home.home, "countersign.yaml");
  writeFileSync(config, "actions: {}\n");
  const places = ["--vault", vault, "--state", stage.state(), "--json"];
  const env = { ...environment(stage, home), COUNTERSIGN_CONFIG: config };
  const setup = [program.main, "setup", home.party.name, "--write", ...places, ...words];
  const { exit, out, err } = await run(process.execPath, setup, env);
  if (exit !== 0) throw new Error(`setup ended with ${exit}: ${out}${err}`);
  return (JSON.parse(out) as { file: string }).file;
}
