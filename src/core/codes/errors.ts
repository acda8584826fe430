import type { Meaning } from "./meaning.ts";

/** Bad input, or something that the operator must mend. */
export const ERRORS = {
  usage: {
    means: "The command's words are off.",
    hint: "`countersign COMMAND --help` shows how it is used.",
  },
  unknown_kind: {
    means: "The configuration has no action of that kind.",
    hint: "`actions:` in countersign.yaml lists them.",
  },
  invalid_params: {
    means: "The params do not match the action's schema.",
    hint: "Compare them with `params:` of that action in countersign.yaml.",
  },
  not_editable: {
    means: "The configuration does not let a person change that param.",
    hint: "`editable:` of the action in countersign.yaml lists what may be changed; otherwise ask for changes.",
  },
  invalid_json: {
    means: "That is not JSON that Countersign can bind a decision to.",
    hint: "Use RFC 8259 JSON with unique keys and integers within ±(2^53−1).",
  },
  invalid_request: {
    means: "A field of the request is missing or of the wrong type.",
    hint: "See the README for the fields of a request.",
  },
  too_large: {
    means: "The body is larger than 1 MiB.",
    hint: "Put large contents into a file, and its path and SHA-256 into the params.",
  },
  busy: {
    means: "More is on its way to the daemon at once than it takes.",
    hint: "Nothing of it was recorded: send it again in a moment.",
  },
  wrong_content_type: {
    means: "The body is not marked as JSON.",
    hint: "Send it with `Content-Type: application/json`.",
  },
  unknown_route: {
    means: "There is nothing at that path, or not with that method.",
    hint: "`/openapi.json` has all that there is.",
  },
  unauthenticated: {
    means: "There is no bearer token, or not one that is known here.",
    hint: "Send `Authorization: Bearer TOKEN` with a token of `http.tokens`, or for the gateway of `gateway.tokens`, in countersign.yaml.",
  },
  host_refused: {
    means: "The server is not addressed by a name of its own.",
    hint: "Use the address in `http.listen`, or add the name to `http.hosts` in countersign.yaml.",
  },
  origin_refused: {
    means: "A web page asks, and none may.",
    hint: "Ask from a program; there is no way in for pages of a browser.",
  },
  key_reused: {
    means: "That key was already used for another action.",
    hint: "Use a new key for a new action.",
  },
  unreachable: { means: "The daemon cannot be reached.", hint: "Start it with `countersign start`." },
  upstream_unreachable: {
    means: "The MCP server behind the gateway cannot be reached.",
    hint: "Look at what it says, and at the gateway's command line; the next call tries again.",
  },
  pins_damaged: {
    means: "What was pinned of an MCP server's tools cannot be read.",
    hint: "Put the file that is named back, or move it away: then the tools are pinned as they are described now.",
  },
  config_missing: { means: "There is no configuration.", hint: "`countersign init` writes one." },
  config_invalid: { means: "The configuration is not valid.", hint: "Mend the line that is named." },
  vault_missing: { means: "The vault is not there.", hint: "`countersign init --vault DIR` makes one." },
  state_unsafe: {
    means: "The state directory is open to others.",
    hint: "chmod 700 the directory that is named.",
  },
  already_running: {
    means: "Another daemon serves this vault.",
    hint: "Stop it first; its process id is named.",
  },
  journal_damaged: {
    means: "The journal is damaged.",
    hint: "Restore the named file from a backup; nothing is executed until then.",
  },
  storage_failed: {
    means: "The disk did not take a record.",
    hint: "Free space or mend the disk, then start the daemon again.",
  },
  node_too_old: { means: "This Node.js is too old.", hint: "Countersign needs Node.js 22.22 or newer." },
  no_answer: {
    means: "The wait ended before the request did.",
    hint: "`countersign wait ID` goes on waiting.",
  },
  unknown_channel: {
    means: "There is no channel of that name.",
    hint: "`countersign notify list` shows them; `notify:` in countersign.yaml makes them.",
  },
  policy_missing: { means: "There is no policy.", hint: "Name a file that this user can read." },
  policy_invalid: {
    means: "The policy is not valid.",
    hint: "`countersign policy check FILE` says all that is wrong with it.",
  },
  people_missing: { means: "There is no file of people.", hint: "Name a file that this user can read." },
  people_invalid: {
    means: "The file of people is not valid.",
    hint: "`countersign people check FILE` says all that is wrong with it.",
  },
  internal: {
    means: "Internal error, see log.",
    hint: "The daemon's log has the details; please report it.",
  },
} as const satisfies Record<string, Meaning>;
