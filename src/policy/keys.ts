/**
 * Every key of a policy's file, with what it takes and what it says. The handbook's tables are held against these by a
 * test; a key that is not here is refused.
 */
type Keys = Readonly<Record<string, readonly [takes: string, says: string]>>;

export const FILE_KEYS = {
  extends: ["a file, or several", "policies that this one adds to; none of their denies can be weakened"],
  default: [
    "`allow`, `require_approval` or `deny`",
    "what holds where no rule matches; `require_approval` unless it is set",
  ],
  risk: ["a list of risk factors", "what makes an action risky"],
  rules: ["a list of rules", "what gives the verdict"],
  limits: ["a list of limits", "what all that is asked for within a while may come to together"],
} as const satisfies Keys;

export const FACTOR_KEYS = {
  level: ["`medium`, `high` or `critical`", "the risk of an action is the highest of its factors, or `low`"],
  factor: ["a text", "the factor in words"],
  match: ["`kind`, `requester`, `tags`", "which actions have it"],
  when: ["an expression", "under which condition"],
} as const satisfies Keys;

export const MATCH_KEYS = {
  kind: ["a glob, or several", "the action's kind is one of them"],
  requester: ["a glob, or several", "whoever asks is one of them"],
  tags: ["a glob, or several", "the action has one of these tags, by the configuration"],
  risk: ["a glob, or several", "the action's risk is one of them"],
} as const satisfies Keys;

export const RULE_KEYS = {
  id: ["a name", "what the rule is called; no other has the same"],
  priority: ["a whole number", "higher is tried first; 0 unless it is set"],
  match: ["see above", "which actions it is for; all of its keys must fit"],
  when: ["an expression", "under which condition"],
  decision: ["`allow`, `allow_with_constraints`, `require_approval` or `deny`", "the verdict"],
  reason: ["a text", "why, for whoever is asked or refused"],
  constraints: [
    "see below",
    "what the handler is held to; for `allow_with_constraints` and `require_approval`",
  ],
  sample: ["a share such as `5%`", "how many of otherwise allowed actions go to a person"],
} as const satisfies Keys;

export const LIMIT_KEYS = {
  id: ["a name", "what the limit is called; no rule and no other limit has the same"],
  match: ["`kind`, `requester`, `tags`", "which actions it is for"],
  sum: ["a param such as `params.amount_cents`", "what is added up; without it requests are counted"],
  per: [
    "`requester`, `on_behalf_of`, `kind`, a param such as `params.payee`, or several",
    "what is added up apart from each other; without it all together",
  ],
  within: ["a duration, up to `92d`", "how far back is added up, at every moment"],
  over: ["a number", "what may be reached; what goes over it is exceeded"],
  decision: ["`deny` or `require_approval`", "what becomes of a request that goes over it"],
  reason: ["a text", "why, for whoever is asked or refused"],
} as const satisfies Keys;

export const CONSTRAINT_KEYS = {
  max_runtime_sec: [
    "a whole number",
    "how long it may run; Countersign ends it then, or takes the grant of a caller back",
  ],
  network_allowlist: ["hosts, or `[]`", "all that it may reach; handed to the handler, which sees to it"],
  write_allowlist: [
    "files and folders, or `[]`",
    "all that it may write; handed to the handler, which sees to it",
  ],
} as const satisfies Keys;

/** What only makes sense where a person is asked. */
export const APPROVAL_KEYS = {
  approvers: [
    "a name, or several, or groups such as `{ of: treasury, quorum: 1 }`",
    "who may decide; of several groups each has its own quorum",
  ],
  quorum: ["a whole number", "how many different approvers must approve; 1 unless it is set"],
  expires: ["a duration, working time such as `4h working`, or `next business day`", "decide by"],
  hours: ["a name from `hours` in `people.yaml`", "whose working time; where there is only one, that one"],
  execute_by: ["a duration", "start by, from the decision; later it does not start any more"],
  settle: ["a duration", "how long a typed word must stand unchanged"],
  cool_off: ["a duration", "how long a decision can be taken back before the action starts"],
  escalate: [
    "a list of `{ after: 15m, to: lead }`; `after` as in `expires`",
    "who is asked as well when nobody has decided",
  ],
  editable: ["names of params, or of parts such as `to.name`", "what a reviewer may change"],
  min_assurance: ["`edit`, `os`, `signed` or `present`", "how strongly a decision must be tied to a person"],
  checklist: ["texts", "boxes that must be ticked before an approval counts"],
  tags: ["texts", "tags of the note"],
  max_attempts: ["a whole number", "how many attempts there may be, the first one counted"],
} as const satisfies Keys;
