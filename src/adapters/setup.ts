import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { constants, copyFile, mkdir, realpath, writeFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import type { JsonObject } from "../core/json.ts";
import { FOLDERS, renderApprovalsBase } from "../document/approvals-base.ts";
import { addObsidianTypes, obsidianTypes } from "./obsidian-types.ts";
import { TOOL_ACTIONS } from "./tool-actions.ts";

const run = promisify(execFile);

export interface SetupPlan {
  /** The vault's absolute path; made when it is not there. */
  readonly vault: string;
  readonly configuration: string;
  /** What the files beside the configuration begin with. */
  readonly starters: {
    readonly people: (who: { user: string; name: string | null; email: string | null }) => string;
    /** By kind of action, with the JSON Schema of its params. */
    readonly policy: (kinds: ReadonlyMap<string, JsonObject | null>) => string;
  };
  /** The handbook that comes with the package. */
  readonly handbook: string;
  /** Whether Obsidian is told what kinds of properties the notes have. */
  readonly obsidian: boolean;
  /** The current user's name, by the operating system. */
  readonly user: string;
  /** The environment of the command, for git. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface SetupReport {
  readonly made: readonly string[];
  readonly kept: readonly string[];
}

/**
 * Makes what a vault needs and is not there yet: folders, handbook, table of approvals, a configuration with a policy
 * and people, a git repository unless the vault is in one. Never overwrites anything.
 */
export async function setUp(plan: SetupPlan): Promise<SetupReport> {
  const made: string[] = [];
  const kept: string[] = [];
  const note = (path: string, isNew: boolean) => void (isNew ? made : kept).push(path);

  for (const name of Object.values(FOLDERS)) {
    const folder = join(plan.vault, name);
    note(`${folder}/`, await makeFolder(folder));
  }
  const handbook = join(plan.vault, "Handbook.md");
  note(handbook, await unlessThere(copyFile(plan.handbook, handbook, constants.COPYFILE_EXCL)));
  const base = join(plan.vault, "Approvals.base");
  note(base, await unlessThere(writeFile(base, renderApprovalsBase(FOLDERS), { flag: "wx" })));
  if (plan.obsidian) note(obsidianTypes(plan.vault), await addObsidianTypes(plan.vault));
  await mkdir(dirname(plan.configuration), { recursive: true, mode: 0o700 });
  for (const [path, isNew] of await configure(plan)) note(path, isNew);
  if (!isInRepository(plan.vault) && (await makeRepository(plan))) note(`${join(plan.vault, ".git")}/`, true);
  return { made, kept };
}

/**
 * The configuration last, because it names the others: a setting up that was interrupted is then taken up again. A policy
 * belongs to a new one only, and in the vault, where agents write, there is neither policy nor people.
 */
async function configure(plan: SetupPlan): Promise<readonly [path: string, isNew: boolean][]> {
  const { configuration, starters } = plan;
  const folder = dirname(configuration);
  const beside: [string, boolean][] = [];
  const isApart = !isWithin(await realpath(plan.vault), await realpath(folder));
  if (isApart) {
    const policy = join(folder, "policy.yaml");
    if (!existsSync(configuration)) {
      beside.push([policy, await write(policy, starters.policy(starterKinds()))]);
    }
    const people = join(folder, "people.yaml");
    beside.push([people, await write(people, starters.people(await someone(plan)))]);
  }
  const text = isApart ? STARTER + RULES : STARTER;
  return [[configuration, await write(configuration, text)], ...beside];
}

function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function starterKinds(): ReadonlyMap<string, JsonObject | null> {
  const { actions }: { actions: Record<string, { params: JsonObject }> } = parse(STARTER);
  return new Map(Object.entries(actions).map(([kind, { params }]) => [kind, params]));
}

const STARTER = `# What agents may ask for. People decide in the vault; this file says what then runs, so keep it out of the vault.
actions:
  # A harmless first action: appends each approved request to notes.jsonl beside this file, and returns it as the result.
  # Try it: countersign request --requester agent --kind note --param text=hello --wait
  note:
    # Program and arguments; no shell reads them. The approved action arrives on standard input as one JSON document,
    # JSON on standard output becomes the result, and a non-zero exit is a failure.
    run: [tee, -a, ./notes.jsonl]
    # Requests whose params do not match this JSON Schema are refused before anybody is asked.
    params:
      type: object
      required: [text]
      additionalProperties: false
      properties:
        text: { type: string, minLength: 1 }
    # What the note says under "What happens if you approve".
    next_effect: "writes down: {text}"

${TOOL_ACTIONS}
  # More actions look like this:
  # payment:
  #   run: [node, ./pay.mjs]
  #   params:
  #     type: object
  #     required: [amount_cents, payee]
  #     properties: { amount_cents: { type: integer, minimum: 1 }, payee: { type: string } }
  #   next_effect: "transfers {amount_cents} cents to {payee}"
  #   timeout: 60s
  #   expires: 1h
  #   env: { BANK_TOKEN: null }   # null passes the daemon's own value on; nothing else is inherited
  #   mode: shadow                # to try the rules: nobody is asked, everything goes ahead, and notes say what would have been
  # refactor:
  #   caller: true                # the agent executes it itself, with a grant
  #   timeout: 15m                # how long the grant is good for

# expires: 24h   # how long requests wait for a decision
# settle: 2s     # how long a typed word must stay unchanged before it counts
# settle_ticks: 0s   # the same for a tick; give it some seconds where the vault is synced between devices
# metrics: { listen: "127.0.0.1:9464" }   # figures for Prometheus, for programs on this computer
# limits: { per_requester: { open: 20, per_hour: 60 } }   # what one requester may ask people at a time, and in an hour
# retry: { cool_down: 10m, max_attempts: 5 }   # the same action after a no, and attempts at a changed one
# git: auto      # auto, vault, separate or off
# adopt: true    # notes that other programs drop into Pending_Approval become requests, where an action fits them
`;

const RULES = `
# What is allowed, denied or needs a person, and who there is. Both files are read again whenever they change.
policy: ./policy.yaml
people: ./people.yaml
`;

async function someone(plan: SetupPlan) {
  const [name, email] = await Promise.all([identity(plan, "user.name"), identity(plan, "user.email")]);
  return { user: plan.user, name, email };
}

async function identity(plan: SetupPlan, key: string): Promise<string | null> {
  try {
    const value = (await git(plan, ["config", "--get", key])).trim();
    return value === "" ? null : value;
  } catch {
    // Not set, or no git: then there is none.
    return null;
  }
}

/** By the files alone: git would also say no to a repository that belongs to somebody else. */
function isInRepository(folder: string): boolean {
  if (existsSync(join(folder, ".git"))) return true;
  return folder !== dirname(folder) && isInRepository(dirname(folder));
}

/** Without the variables by which a surrounding git process would send it to another repository. */
async function git({ vault, env }: SetupPlan, words: readonly string[]): Promise<string> {
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("GIT_")));
  const { stdout } = await run("git", ["-C", vault, ...words], { encoding: "utf8", env: own });
  return stdout;
}

async function makeRepository(plan: SetupPlan): Promise<boolean> {
  try {
    await git(plan, ["init", "--quiet", "--template="]);
    return true;
  } catch (error) {
    // Without git on this machine there is no history in git; the journal does not need it.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}

async function makeFolder(folder: string): Promise<boolean> {
  return (await mkdir(folder, { recursive: true })) !== undefined;
}

function write(file: string, text: string): Promise<boolean> {
  return unlessThere(writeFile(file, text, { flag: "wx", mode: 0o600 }));
}

/** False where something of that name was there already. */
async function unlessThere(making: Promise<void>): Promise<boolean> {
  try {
    await making;
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
