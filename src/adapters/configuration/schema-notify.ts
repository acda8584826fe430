import { OCCASIONS } from "../../core/occasion.ts";
import { environment, reference, referenceOrText, text } from "./schema-values.ts";

/** The shape of `notify:` in `countersign.yaml`; which key goes with which kind is `notify.ts`'s to say. */

export const CHANNEL_KINDS = [
  "smtp",
  "slack",
  "teams",
  "discord",
  "ntfy",
  "webhook",
  "desktop",
  "command",
] as const;

const address = (example: string) => ({
  type: "string",
  pattern: '^[^\\s@<>,;:"()\\[\\]\\\\]{1,64}@[A-Za-z0-9.-]{1,253}$',
  description: "an e-mail address",
  examples: [example],
});

const channel = {
  type: "object",
  description: "a channel with its `kind:`",
  examples: ["ops: { kind: slack, url: { env: SLACK_URL } }"],
  required: ["kind"],
  additionalProperties: false,
  properties: {
    kind: {
      enum: CHANNEL_KINDS,
      description: `one of ${CHANNEL_KINDS.join(", ")}`,
      examples: ["kind: slack"],
    },
    events: {
      type: "array",
      uniqueItems: true,
      items: {
        enum: OCCASIONS,
        description: `one of ${OCCASIONS.join(", ")}`,
        examples: ["events: [created, failed]"],
      },
      description: "a list of different events",
      examples: ["events: [created, failed]"],
    },
    trusted: { type: "boolean", description: "true or false", examples: ["trusted: true"] },
    burst: {
      type: "integer",
      minimum: 1,
      maximum: 100,
      description: "how many messages a minute, from 1 to 100",
      examples: ["burst: 10"],
    },
    digest: text("a time of the day, and a time zone", 'digest: "08:30 Europe/Berlin"'),
    url: referenceOrText("the URL", "url: { env: SLACK_URL }"),
    allow_private: { type: "boolean", description: "true or false", examples: ["allow_private: true"] },
    secret: reference("the secret that signs messages", "secret: { env: HOOK_SECRET }"),
    topic: referenceOrText("the topic", "topic: { env: NTFY_TOPIC }"),
    token: reference("the access token", "token: { file: ./ntfy-token }"),
    host: {
      type: "string",
      pattern: "^[A-Za-z0-9.:-]{1,253}$",
      description: "the mail server's name",
      examples: ["host: smtp.example.com"],
    },
    port: {
      type: "integer",
      minimum: 1,
      maximum: 65_535,
      description: "the mail server's port",
      examples: ["port: 587"],
    },
    tls: {
      enum: ["starttls", "implicit", "none"],
      description: "one of starttls, implicit, none",
      examples: ["tls: starttls"],
    },
    ca: text("the name of a file with certificates", "ca: ./ca.pem"),
    user: text("the mail account's name", "user: countersign"),
    password: reference("the mail account's password", "password: { env: SMTP_PASSWORD }"),
    from: address("from: countersign@example.com"),
    to: {
      type: "array",
      minItems: 1,
      maxItems: 100,
      uniqueItems: true,
      items: address("to: [ada@example.com]"),
      description: "a list of e-mail addresses",
      examples: ["to: [ada@example.com]"],
    },
    run: {
      type: "array",
      minItems: 1,
      items: {
        type: "string",
        description: "an argument as a string (no shell reads it)",
        examples: ["run: [./tell.sh, --loud]"],
      },
      description: "the program and its arguments as a list; no shell reads it",
      examples: ["run: [./tell.sh, --loud]"],
    },
    env: environment("env: { ROOM: ops, API_TOKEN: null }"),
    timeout: {
      type: "string",
      description: "how long the program may take",
      examples: ["timeout: 30s"],
    },
  },
};

export const NOTIFY_SCHEMA = {
  type: "object",
  description: "a name and its channel for each",
  examples: ["notify: { ops: { kind: slack, url: { env: SLACK_URL } } }"],
  maxProperties: 50,
  propertyNames: {
    pattern: "^[a-z][a-z0-9_-]{0,39}$",
    description: "a name of up to 40 lower-case letters, digits, - and _, beginning with a letter",
    examples: ["notify: { ops: { kind: slack, url: { env: SLACK_URL } } }"],
  },
  additionalProperties: channel,
};
