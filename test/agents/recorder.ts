import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Puts something before the hooks in an agent's settings that keeps what they are given and what they answer, in
 * `folder` under `name`, whoever's home it was. What tells it to end tells the hook.
 */
export function record(settings: string, name: string, home: string, main: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const recorder = join(dirname(main), `record-${name}.mjs`);
  const names = [
    [home, "/home/anna"],
    [home.replaceAll("/", "-"), "-home-anna"],
  ];
  writeFileSync(
    recorder,
    `import { spawn } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
const input = readFileSync(0, "utf8");
const hook = spawn(process.execPath, [${JSON.stringify(main)}, ...process.argv.slice(2)]);
for (const name of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(name, () => hook.kill(name));
const said = { out: "", err: "" };
hook.stdout.on("data", (text) => (said.out += text));
hook.stderr.on("data", (text) => (said.err += text));
hook.stdin.end(input);
hook.on("close", (exit) => {
  let line = JSON.stringify({ input: JSON.parse(input), ...said, exit });
  for (const [from, to] of ${JSON.stringify(names)}) line = line.replaceAll(from, to);
  appendFileSync(${JSON.stringify(join(folder, `${name}.jsonl`))}, line + "\\n");
  process.stdout.write(said.out);
  process.stderr.write(said.err);
  process.exitCode = exit ?? 2;
});
`,
  );
  writeFileSync(settings, readFileSync(settings, "utf8").replaceAll(main, recorder));
}
