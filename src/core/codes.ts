/**
 * Every code a person or a program can meet, with what it means and what to do. The handbook's table is held against
 * this one by a test; programs match on codes, never on sentences.
 */

/** A person's text in a note that could not be taken as a decision. `stops` says what it keeps from counting. */
export const PROBLEMS = {
  empty_note: {
    stops: "all",
    means: "The note is empty.",
    hint: "Undo the deletion, or wait: the note is written again when it has been quiet for a while.",
  },
  not_utf8: { stops: "all", means: "The note is not valid UTF-8 text.", hint: "Save it again as UTF-8." },
  control_character: {
    stops: "all",
    means: "An invisible control character stands among the properties or where one decides.",
    hint: "Delete that character, or type the line again.",
  },
  note_too_large: {
    stops: "all",
    means: "The note is larger than Countersign reads.",
    hint: "Remove what was pasted into it; long texts belong in a note of their own.",
  },
  frontmatter_too_large: {
    stops: "all",
    means: "The note's properties are larger than Countersign reads.",
    hint: "Remove properties that were pasted in.",
  },
  not_a_file: {
    stops: "all",
    means: "This is not an ordinary file.",
    hint: "Remove it; the request's note is written again.",
  },
  file_unreadable: {
    stops: "all",
    means: "The file cannot be read.",
    hint: "Give the daemon's user the right to read and write it.",
  },
  hard_linked: {
    stops: "all",
    means: "This file has a second name (a hard link), so another program could change it unseen.",
    hint: "Remove the other name, or copy the text, delete the note and wait for it to be written again.",
  },
  no_frontmatter: {
    stops: "all",
    means: "The note does not start with its properties.",
    hint: "The very first line must be --- with nothing before it.",
  },
  frontmatter_unclosed: {
    stops: "all",
    means: "The properties are not closed.",
    hint: "Put a line with just --- between the properties and the text.",
  },
  frontmatter_language: {
    stops: "all",
    means: "The first line names a language behind ---.",
    hint: "Make the first line just ---.",
  },
  frontmatter_invalid: {
    stops: "all",
    means: "The properties are not valid YAML.",
    hint: "Mend the line that is named, or undo the last edit.",
  },
  frontmatter_feature: {
    stops: "all",
    means: "The properties use YAML anchors, aliases, tags or directives.",
    hint: "Write plain values only.",
  },
  duplicate_key: { stops: "all", means: "A property is there twice.", hint: "Delete one of the two lines." },
  similar_key: {
    stops: "all",
    means: "A property looks like one of Countersign's but is spelt differently.",
    hint: "Use the property that is already in the note, in lower case.",
  },
  missing_key: {
    stops: "approval",
    means: "A property that identifies the request is missing.",
    hint: "Undo the edit that removed it.",
  },
  changed_key: {
    stops: "approval",
    means: "A property that belongs to Countersign was changed.",
    hint: "Undo that edit, or decide with `countersign approve`.",
  },
  unclear_word: {
    stops: "all",
    means: "The word is not one that Countersign knows.",
    hint: "Write approved, rejected or changes_requested, and nothing else on that line.",
  },
  unclear_comment: {
    stops: "all",
    means: "There is a comment behind the word, which could limit it.",
    hint: "Put the comment into reason, or under Notes, and leave the word alone on its line.",
  },
  unclear_value: {
    stops: "all",
    means: "The property holds something other than one plain word or text.",
    hint: "Write one plain word, without brackets or lists.",
  },
  unclear_box: {
    stops: "all",
    means: "A box holds something other than a space or an x, or its line was changed.",
    hint: "Tick it with an x, or put the space back; remarks belong under Notes.",
  },
  unclosed_fence: {
    stops: "all",
    means: "A code block or comment above the boxes is not closed, so they are part of it.",
    hint: "Close it, or undo that edit.",
  },
  conflict: { stops: "all", means: "Two statements in the note disagree.", hint: "Take one of them back." },
  copies_disagree: {
    stops: "all",
    means: "Two files of one request say different things.",
    hint: "Keep the one that is right and delete the other, or make both say the same.",
  },
  copy_decides: {
    stops: "all",
    means: "A copy of the note holds the decision, and the note itself holds none.",
    hint: "Decide in the note itself, or delete the file that does not count.",
  },
  merge_conflict: {
    stops: "all",
    means: "The note holds the marks of an unfinished git merge.",
    hint: "Finish the merge: keep one side and delete the <<<<<<<, ======= and >>>>>>> lines.",
  },
  action_changed: {
    stops: "approval",
    means: "The action's text in the note is no longer what was asked for.",
    hint: "Undo that edit, then give the approval again; what runs is always the stored action, never this text.",
  },
  approval_of_other: {
    stops: "approval",
    means: "The approval was given while the note showed something else than what was asked for.",
    hint: "Look at the note again; then take the approval out, save, and give it once more.",
  },
  action_proposed: {
    stops: "approval",
    means: "A change of the action is proposed in the note.",
    hint: "Left alone for a while it is taken up, and then needs a decision; undo the edit to keep what was asked for.",
  },
  proposal_invalid: {
    stops: "approval",
    means: "The changed action does not match the action's schema.",
    hint: "Mend the value, or undo the edit; until then nothing is changed.",
  },
  outdated_note: {
    stops: "approval",
    means: "The note shows the action as it was before it was changed.",
    hint: "Should it stay so: save elsewhere what you wrote, delete the note, and it is written again.",
  },
  no_handler: {
    stops: "approval",
    means: "The configuration no longer says how this kind of action is executed.",
    hint: "Put it back into countersign.yaml and restart the daemon, or reject the request.",
  },
  foreign_unmapped: {
    stops: "all",
    means: "No mapping fits this note, so it is left alone.",
    hint: "Add one to adopt.mappings in countersign.yaml, or move the note to another folder.",
  },
  foreign_no_action: {
    stops: "all",
    means: "The configuration has no action for this note.",
    hint: "Add the action to countersign.yaml, or a mapping to another one, and restart the daemon.",
  },
  foreign_missing: {
    stops: "all",
    means: "The note lacks something that its mapping takes from it.",
    hint: "Add it to the note, or mark it as optional in the mapping.",
  },
  foreign_value: {
    stops: "all",
    means: "A value in the note has not exactly one meaning.",
    hint: "Write it plainly in the note (in quotes if it holds # or : ); nothing is guessed.",
  },
  foreign_conflict: {
    stops: "all",
    means: "Two places of the note that mean the same thing differ.",
    hint: "Make them the same, or delete one.",
  },
  foreign_refused: {
    stops: "all",
    means: "What the note asks for is not a request that can be made.",
    hint: "Compare the note with `params:` of that action in countersign.yaml.",
  },
  foreign_too_soon: {
    stops: "all",
    means: "What the note asks for is not taken now.",
    hint: "Leave the note where it is: it is tried again by itself; or delete it.",
  },
  foreign_expired: {
    stops: "all",
    means: "The note's own deadline is over, so nobody is asked.",
    hint: "Delete the note, or give it a new deadline.",
  },
  foreign_copy: {
    stops: "all",
    means: "This is a copy of a note that is a request already.",
    hint: "Delete it; the request goes on by itself.",
  },
  reviewer_missing: {
    stops: "approval",
    means: "This needs the reviewer's name.",
    hint: "Write your name into reviewer, or tick the box with your name.",
  },
  not_entitled: {
    stops: "all",
    means: "Whoever is named may not decide this.",
    hint: "Ask one of those who may; the request goes on waiting.",
  },
  own_request: {
    stops: "approval",
    means: "Nobody approves what they asked for themselves, or what is done in their name.",
    hint: "Ask somebody else to look at it. Where an agent asked in your name, give it one of its own: `--requester`.",
  },
  checklist_open: {
    stops: "approval",
    means: "Something is not ticked that has to be looked at before an approval counts.",
    hint: "Tick it once you have looked.",
  },
  assurance_too_low: {
    stops: "approval",
    means: "An edit of the note is not enough for this: the rule asks for a stronger proof of who decides.",
    hint: "Reject it here, or approve in the way that the rule asks for.",
  },
  delegation_refused: {
    stops: "approval",
    means: "The decision cannot be passed on to that person.",
    hint: "Empty delegate_to, or name somebody else who is known.",
  },
} as const satisfies Record<string, Meaning>;

/** The core says no: the request's state does not allow it. */
export const REFUSALS = {
  not_found: {
    means: "There is no request with that id.",
    hint: "`countersign list --all` shows the ids there are.",
  },
  not_pending: {
    means: "The request is no longer waiting for a decision.",
    hint: "`countersign show ID` says what became of it.",
  },
  not_approved: {
    means: "The request is not approved.",
    hint: "Wait for the decision: `countersign wait ID`.",
  },
  not_executing: {
    means: "The request is not being executed.",
    hint: "`countersign show ID` says where it stands.",
  },
  not_unknown: {
    means: "The request's outcome is not unknown.",
    hint: "Only an outcome_unknown can be resolved.",
  },
  already_final: {
    means: "The request is finished; nothing changes it any more.",
    hint: "Ask again with a new request if it should still happen.",
  },
  already_started: {
    means: "The action has already been started; it can no longer be stopped.",
    hint: "`countersign show ID` says what came of it.",
  },
  too_late: {
    means: "The decision came after the request's deadline.",
    hint: "Ask again with a new request, with a longer --expires.",
  },
  not_due: {
    means: "The deadline has not been reached.",
    hint: "This is a fault in Countersign; please report it.",
  },
  digest_mismatch: {
    means: "The decision is about another digest than the request's.",
    hint: "Look at the request again and decide on what it shows now.",
  },
  grant_invalid: {
    means: "The grant is not valid for this request.",
    hint: "Fetch the grant again with the requester's token.",
  },
  grant_expired: { means: "The grant has run out.", hint: "Ask again with a new request." },
  grant_used: {
    means: "The grant was for one execution, and that has begun.",
    hint: "Ask again with a new request.",
  },
  grant_shadow: {
    means: "Nobody approved this: its kind of action is in shadow.",
    hint: "Take `mode: shadow` out of the configuration, or let the check accept such grants (`shadow: true`, `--shadow`).",
  },
  token_invalid: {
    means: "Only the requester's token may do this.",
    hint: "Use the token that `countersign request` gave to the requester.",
  },
  not_caller: {
    means: "This action is executed by the daemon, not by the caller.",
    hint: "Just wait for its outcome: `countersign wait ID`.",
  },
  not_allowed: {
    means: "An agent may not do this: only the reviewers' socket takes it.",
    hint: "A person decides, in the note or with `countersign approve`.",
  },
  not_entitled: {
    means: "This person may not decide the request.",
    hint: "`countersign show ID` says who may.",
  },
  own_request: {
    means: "Nobody approves what they asked for themselves, or what is done in their name.",
    hint: "Somebody else has to look at it; an agent that asks needs a name of its own: `--requester`.",
  },
  reviewer_missing: { means: "This needs the reviewer's name.", hint: "Give it with --as NAME." },
  already_voted: {
    means: "This person has approved already; others are needed.",
    hint: "`countersign show ID` says who.",
  },
  no_vote: { means: "This person has not approved it.", hint: "`countersign show ID` says who has." },
  quorum_missing: {
    means: "That many approvals are not enough, or more than enough.",
    hint: "This is a fault in Countersign; please report it.",
  },
  checklist_open: {
    means: "There are points to look at before an approval counts.",
    hint: "Look at them, then say so with --checked.",
  },
  assurance_too_low: {
    means: "The rule asks for a stronger proof of who decides.",
    hint: "`countersign show ID` says which.",
  },
  delegation_refused: {
    means: "The decision cannot be passed on like this.",
    hint: "It goes from one who may decide and has not, to a known person, and not round in circles.",
  },
  said_in_note: {
    means: "The approval stands in the note.",
    hint: "Untick the box or empty the word there; that takes it back.",
  },
  too_early: {
    means: "The request is approved, and may not start yet.",
    hint: "`countersign show ID` says when it may.",
  },
  ran_out: {
    means: "The request was approved, and the time within which it had to start is over.",
    hint: "Ask again with a new request if it should still happen.",
  },
  not_retryable: {
    means: "The request that is named is not one to try again.",
    hint: "`countersign show ID` says where it stands; without --previous it is a new request.",
  },
  too_many_attempts: {
    means: "It has been tried as often as it may be.",
    hint: "Talk to the reviewer; another attempt is taken once the rule or `retry.max_attempts` allows it.",
  },
  over_limit: {
    means: "The requester asks for more than it may.",
    hint: "Wait until some of what it asked for is decided.",
  },
  asked_too_soon: {
    means: "A person said no to the same action a short while ago.",
    hint: "Change the action as the reason says and ask with --previous ID, or ask again later.",
  },
  clock_frozen: {
    means: "The computer's clock was set, so no deadline can be trusted: only a no counts.",
    hint: "Set it right, or say with `countersign clock accept` that it is.",
  },
  halted: { means: "All executions are halted.", hint: "`countersign resume` starts them again." },
} as const satisfies Record<string, Meaning>;

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
    hint: "Send `Authorization: Bearer TOKEN` with a token of `http.tokens` in countersign.yaml.",
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

/** What is found wrong, or doubtful, in a policy or in `people.yaml`. Those with `warns` do not keep it from being used. */
export const FINDINGS = {
  not_plain_yaml: { means: "The file is not plain YAML.", hint: "Mend the line that is named." },
  unknown_key: { means: "There is no such key here.", hint: "Use one of the keys that are named." },
  key_missing: { means: "A key that is needed is not there.", hint: "Add it." },
  wrong_value: { means: "The value is not one that this key takes.", hint: "Write what is expected there." },
  not_together: {
    means: "Two keys, or a key and the decision, do not go together.",
    hint: "Take one of them away.",
  },
  expression_syntax: { means: "The expression cannot be read.", hint: "Expressions are written in CEL." },
  expression_unknown: {
    means: "The expression uses a variable, field or function that is not there.",
    hint: "The variables are action, params, request, requester and now.",
  },
  expression_type: {
    means: "The expression does not fit the types of what it is about, or is not a yes or no.",
    hint: "Compare it with the params of that kind in countersign.yaml.",
  },
  expression_too_costly: {
    means: "The expression could take too long.",
    hint: "Make it shorter, or split it over several rules.",
  },
  pattern_refused: {
    means: "The pattern of matches is not one that is taken.",
    hint: "Write it in quotes, without back references and look-around.",
  },
  never_matches: {
    means: "The rule can never match.",
    hint: "Compare match and when with the actions of countersign.yaml.",
  },
  duplicate_id: { means: "Two rules have the same id.", hint: "Give each rule an id of its own." },
  quorum_impossible: {
    means: "The quorum can never be reached.",
    hint: "Ask for at least 1, and for no more than there are persons.",
  },
  unknown_person: { means: "Nobody has that name.", hint: "`people.yaml` lists persons and groups." },
  name_taken: {
    means: "The name belongs to another person or group already.",
    hint: "Give every person and group names of their own.",
  },
  unknown_service: {
    means: "The configuration has no service of that name.",
    hint: "`services:` in countersign.yaml lists them.",
  },
  names_alike: {
    means: "Two names look the same and are not.",
    hint: "Give one of the two another name, or type it in the same letters where it is the same person.",
  },
  empty_group: { means: "There is nobody in the group.", hint: "Put somebody in, or take the group away." },
  circle: {
    means: "A group, or a row of stand-ins, leads back to its beginning.",
    hint: "Take one of its steps away.",
  },
  stand_in_impossible: {
    means: "This person cannot stand in.",
    hint: "Name somebody else who may receive what is delegated, or nobody.",
  },
  ends_before_start: { means: "Something ends before it has begun.", hint: "Write the earlier time first." },
  unknown_zone: {
    means: "There is no such time zone.",
    hint: "Write a place, such as Europe/Berlin, or UTC.",
  },
  unknown_hours: { means: "There are no hours of that name.", hint: "Write them down under `hours`." },
  never_open: { means: "These hours never open.", hint: "Give at least one day a time." },
  escalation_nowhere: {
    means: "An escalation reaches nobody.",
    hint: "Name somebody, and a time before the request expires.",
  },
  extends_unreadable: {
    means: "A policy that is extended cannot be read.",
    hint: "Mend the path or the file.",
  },
  extends_cycle: { means: "A policy extends itself.", hint: "Take one of the `extends` away." },
  weakens_parent: {
    means: "The policy would weaken a deny of one that it extends.",
    hint: "A policy can only add to what it extends.",
  },
  shadowed: {
    warns: true,
    means: "The rule never decides, because one before it always does.",
    hint: "Raise its priority, or take it away.",
  },
  one_hand: {
    warns: true,
    means: "At assurance edit one hand can tick the boxes of several approvers.",
    hint: "Ask for min_assurance os or higher where it matters.",
  },
  not_supported_yet: {
    warns: true,
    means: "The daemon cannot see to this yet, so it does not take the policy.",
    hint: "Take it out of the policy that the daemon obeys.",
  },
  not_carried_over: {
    means: "Something of the imported policy has no faithful form here.",
    hint: "Write it as a rule by hand, or take it out before importing.",
  },
} as const satisfies Record<string, Meaning & { readonly warns?: true }>;

interface Meaning {
  readonly means: string;
  readonly hint: string;
  readonly stops?: "all" | "approval";
}

export type ProblemCode = keyof typeof PROBLEMS;
export type RefusalCode = keyof typeof REFUSALS;
export type ErrorCode = keyof typeof ERRORS;
export type FindingCode = keyof typeof FINDINGS;

/** What is wrong or doubtful in a file of rules or people. `line` counts from 1. */
export interface Finding {
  readonly code: FindingCode;
  readonly warning: boolean;
  readonly file: string;
  readonly line: number;
  /** What exactly was found, in plain words, without a full stop. */
  readonly message: string;
  readonly hint: string;
}

export function finding(
  code: FindingCode,
  { file, line }: { readonly file: string; readonly line: number },
  message: string,
  hint?: string,
): Finding {
  const known: Meaning & { readonly warns?: true } = FINDINGS[code];
  return { code, warning: known.warns === true, file, line, message, hint: hint ?? known.hint };
}

/** What is not clear in a note: data for the person who wrote it, never an exception. `line` counts from 1. */
export interface Problem {
  readonly code: ProblemCode;
  readonly line: number | null;
  /** What exactly was found, in plain words; a sentence. */
  readonly message: string;
  readonly hint: string;
}

export function problem(code: ProblemCode, line: number | null = null, message?: string): Problem {
  const { means, hint } = PROBLEMS[code];
  return { code, line, message: message ?? means, hint };
}

/** Whether a problem keeps every statement from counting, or only an approval: saying no needs less. */
export function stopsAll(found: Problem): boolean {
  return PROBLEMS[found.code].stops === "all";
}

/** The core's no, as data. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly hint: string;
}

export function refusal(code: RefusalCode, message?: string): Refusal {
  const { means, hint } = REFUSALS[code];
  return { code, message: message ?? means, hint };
}

/** Bad input, a refusal, or something the operator must mend, on its way to whoever asked: code, sentence, hint. */
export class Fault extends Error {
  readonly code: RefusalCode | ErrorCode;
  readonly hint: string;
  constructor(code: RefusalCode | ErrorCode, message?: string, hint?: string, options?: ErrorOptions) {
    const known: Meaning = code in ERRORS ? ERRORS[code as ErrorCode] : REFUSALS[code as RefusalCode];
    super(message ?? known.means, options);
    this.name = "Fault";
    this.code = code;
    this.hint = hint ?? known.hint;
  }
}
