import { ADOPT_SCHEMA } from "./schema-adopt.ts";
import { GATEWAY_SCHEMA } from "./schema-gateway.ts";
import { HTTP_SCHEMA } from "./schema-http.ts";
import { NOTIFY_SCHEMA } from "./schema-notify.ts";
import { LIMITS_SCHEMA, RETRY_SCHEMA } from "./schema-requesters.ts";
import { HTTP_EXECUTOR_SCHEMA, MCP_SCHEMA, SERVICES_SCHEMA } from "./schema-services.ts";
import { environment, text } from "./schema-values.ts";

/**
 * The shape of `countersign.yaml`. Every place carries what is expected there (`description`) and an example of it
 * (`examples`), because that is what a wrong file is answered with.
 */

const duration = (description: string, example: string) => ({
  type: "string",
  description,
  examples: [example],
});

/** A folder's name: one segment, not hidden, nothing that another file system refuses. */
const folder = (example: string) => ({
  type: "string",
  pattern: '^(?![.\\s])[^/\\\\:*?"<>|#^\\[\\]\\u0000-\\u001f]{1,100}(?<![.\\s])$',
  description: "the name of one folder in the vault, without slashes",
  examples: [example],
});

const action = {
  type: "object",
  description: "an action with `run:`, `http:`, `module:`, `mcp:` or `caller: true`",
  examples: ["payment: { run: [node, ./pay.mjs] }"],
  additionalProperties: false,
  properties: {
    run: {
      type: "array",
      minItems: 1,
      items: {
        type: "string",
        description: "an argument as a string (no shell reads it; put numbers in quotes)",
        examples: ['run: [node, ./pay.mjs, "8080"]'],
      },
      description: "the program and its arguments as a list; no shell reads it",
      examples: ["run: [node, ./pay.mjs]"],
    },
    http: HTTP_EXECUTOR_SCHEMA,
    module: text("the name of a file that exports `execute`", "module: ./pay.mjs"),
    mcp: MCP_SCHEMA,
    caller: {
      const: true,
      description: "`true`, or no `caller` at all",
      examples: ["caller: true"],
    },
    mode: {
      enum: ["enforce", "shadow"],
      description: "enforce, or shadow to record what the rules would have said and ask nobody",
      examples: ["mode: shadow"],
    },
    params: {
      type: "object",
      description: "a JSON Schema of the action's params",
      examples: ["params: { type: object, required: [payee], properties: { payee: { type: string } } }"],
    },
    next_effect: text(
      "a sentence that says what happens, with {field} for params",
      'next_effect: "transfers {amount_cents} cents to {payee}"',
    ),
    title: text("the default title, with {field} for params", 'title: "Pay {payee}"'),
    tags: {
      type: "array",
      uniqueItems: true,
      items: {
        type: "string",
        pattern: "^[a-z0-9][a-z0-9_-]{0,39}$",
        description: "a tag of lower-case letters, digits, - and _",
        examples: ["tags: [payment, external]"],
      },
      description: "a list of different tags",
      examples: ["tags: [payment, external]"],
    },
    editable: {
      type: "array",
      uniqueItems: true,
      items: {
        type: "string",
        pattern: "^[^.[\\]]+(?:\\.[^.[\\]]+)*$",
        description: "the name of a param, or of a part of one by dots, such as `to.name`; a list as a whole",
        examples: ["editable: [amount_cents]"],
      },
      description: "a list of different params that a person may change before approving",
      examples: ["editable: [amount_cents]"],
    },
    effect: {
      enum: ["unsafe", "natural", "key", "lookup"],
      description: "one of unsafe, natural, key, lookup",
      examples: ["effect: unsafe"],
    },
    timeout: duration("how long one execution may take", "timeout: 60s"),
    env: environment('env: { PORT: "8080", API_TOKEN: null }'),
    expires: duration("how long such a request waits for a decision", "expires: 24h"),
    execute_by: duration("how long such a request may wait for its start once approved", "execute_by: 24h"),
  },
};

export const CONFIGURATION_SCHEMA = {
  type: "object",
  description: "`actions:` with at least one action",
  examples: ["actions: { payment: { run: [node, ./pay.mjs] } }"],
  required: ["actions"],
  additionalProperties: false,
  properties: {
    actions: {
      type: "object",
      description: "a name and its action for each kind",
      examples: ["actions: { payment: { run: [node, ./pay.mjs] } }"],
      propertyNames: {
        pattern: "^[a-z][a-z0-9_-]{0,39}$",
        description: "a kind of up to 40 lower-case letters, digits, - and _, beginning with a letter",
        examples: ["actions: { payment: { run: [node, ./pay.mjs] } }"],
      },
      additionalProperties: action,
    },
    expires: duration("how long requests wait for a decision", "expires: 24h"),
    execute_by: duration("how long approved requests may wait for their start", "execute_by: 24h"),
    settle: duration("how long a typed word must stay unchanged before it counts", "settle: 2s"),
    settle_ticks: duration("how long a tick must stay unchanged before it counts", "settle_ticks: 0s"),
    git: {
      enum: ["auto", "vault", "separate", "off"],
      description: "one of auto, vault, separate, off",
      examples: ["git: auto"],
    },
    folders: {
      type: "object",
      description: "names for any of pending, done, approved, rejected",
      examples: ["folders: { pending: Inbox, done: Archive }"],
      additionalProperties: false,
      properties: {
        pending: folder("folders: { pending: Pending_Approval }"),
        done: folder("folders: { done: Done }"),
        approved: folder("folders: { approved: Approved }"),
        rejected: folder("folders: { rejected: Rejected }"),
      },
    },
    adopt: ADOPT_SCHEMA,
    notify: NOTIFY_SCHEMA,
    services: SERVICES_SCHEMA,
    retry: RETRY_SCHEMA,
    limits: LIMITS_SCHEMA,
    policy: text("the name of the file with the rules", "policy: ./policy.yaml"),
    people: text("the name of the file with the people", "people: ./people.yaml"),
    http: HTTP_SCHEMA,
    gateway: GATEWAY_SCHEMA,
    metrics: {
      type: "object",
      description: "`listen:` with an address of this machine and a port",
      examples: ['metrics: { listen: "127.0.0.1:9464" }'],
      required: ["listen"],
      additionalProperties: false,
      properties: { listen: text("an address of this machine and a port", 'listen: "127.0.0.1:9464"') },
    },
    log: text("the name of a file", "log: ./countersign.log"),
    host: {
      type: "string",
      pattern: "^[a-z0-9][a-z0-9.-]{0,62}$",
      description: "a name for this machine of lower-case letters, digits, - and .",
      examples: ["host: laptop"],
    },
  },
};
