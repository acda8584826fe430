import { Command } from "commander";
import { afterEach, beforeEach, expect, test } from "vitest";
import { COMMANDS, commandsFor } from "../../../src/surfaces/cli/commands.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

test.each(COMMANDS.map((group) => [group.names.join(", "), group] as const))(
  "%s are the commands of their group",
  async (_, { names, read }) => {
    const program = new Command();
    (await read())(program, async () => {});
    expect(program.commands.map((command) => command.name())).toEqual(names);
  },
);

test.each([
  [["list", "--json"], ["list"]],
  [
    ["--vault", "start", "show", "x"],
    ["start", "show"],
  ],
  [
    ["run", "--", "cp", "a", "list"],
    ["list", "run"],
  ],
  [["hook", "claude-code"], ["hook"]],
])("of %j only what it names is read in", (argv, named) => {
  const groups = commandsFor(argv);
  expect(groups).toEqual(COMMANDS.filter(({ names }) => named.some((name) => names.includes(name))));
});

test.each([
  [[]],
  [["frobnicate"]],
  [["--vault", "list", "--help"]],
  [["list", "-h"]],
  [["-Vh", "list"]],
  [["help", "list"]],
])("%j may be about any command", (argv) => {
  expect(commandsFor(argv)).toBe(COMMANDS);
});

test("a word that happens to be a command hides no other from help, and from what was meant", async () => {
  const all = await stage.run(["--help"]);
  expect(await stage.run(["--help", "list"])).toEqual(all);
  for (const { names } of COMMANDS) for (const name of names) expect(all.out).toContain(`\n  ${name} `);
  const found = await stage.run(["--vault", "list", "aprove"]);
  expect(found).toMatchObject({ exit: 2, out: "" });
  expect(found.err).toContain("Did you mean approve?");
});
