import type { Meaning } from "./meaning.ts";

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
