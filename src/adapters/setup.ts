import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { constants, copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { FOLDERS, renderApprovalsBase } from "../document/approvals-base.ts";
import { addObsidianTypes, obsidianTypes } from "./obsidian-types.ts";

const run = promisify(execFile);

export interface SetupPlan {
  /** The vault's absolute path; made when it is not there. */
  readonly vault: string;
  readonly configuration: string;
  readonly people: string;
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
 * Makes what a vault needs and is not there yet: folders, handbook, table of approvals, configuration, people, a git repository unless the
 * vault is in one. Never overwrites anything.
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
  note(plan.configuration, await write(plan.configuration, STARTER));
  note(plan.people, await write(plan.people, await peopleOf(plan)));
  if (!isInRepository(plan.vault) && (await makeRepository(plan))) note(`${join(plan.vault, ".git")}/`, true);
  return { made, kept };
}

const STARTER = `# What agents may ask for. People decide in the vault; this file says what then runs, so keep it out of the vault.
actions:
  # A harmless first action: appends each approved request to notes.jsonl beside this file, and returns it as the result.
  # Try it: countersign request --kind note --param text=hello --wait
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
  # refactor:
  #   caller: true                # the agent executes it itself, with a grant
  #   timeout: 15m                # how long the grant is good for

# expires: 24h   # how long requests wait for a decision
# settle: 2s     # how long a typed word must stay unchanged before it counts
# settle_ticks: 0s   # the same for a tick; give it some seconds where the vault is synced between devices
# git: auto      # auto, vault, separate or off
# policy: ./policy.yaml   # what is allowed, denied or needs a person; countersign policy starter prints one to begin with
# adopt: true    # notes that other programs drop into Pending_Approval become requests, where an action fits them
`;

async function peopleOf(plan: SetupPlan): Promise<string> {
  const { user } = plan;
  const [name, email] = await Promise.all([identity(plan, "user.name"), identity(plan, "user.email")]);
  const person = { name: name ?? user, ...(email !== null && { email }) };
  return `# Who may decide, by the name they sign with.\n${stringify({ people: { [user]: person } })}`;
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
