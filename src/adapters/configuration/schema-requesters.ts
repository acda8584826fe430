/** The shapes of `retry:` and `limits:` in `countersign.yaml`; see `schema.ts` for what descriptions and examples are for. */

const CAPS = "limits: { per_requester: { open: 20, per_hour: 60 } }";

const cap = (description: string) => ({
  type: "integer",
  minimum: 1,
  maximum: 1_000_000,
  description,
  examples: [CAPS],
});

export const RETRY_SCHEMA = {
  type: "object",
  description: "`cool_down:` and `max_attempts:`",
  examples: ["retry: { cool_down: 10m, max_attempts: 5 }"],
  additionalProperties: false,
  properties: {
    cool_down: {
      type: "string",
      description: "how soon after a person's no the same action may be asked for again",
      examples: ["cool_down: 10m"],
    },
    max_attempts: {
      type: "integer",
      minimum: 1,
      maximum: 1_000,
      description: "a whole number from 1: how many attempts there may be where no rule says so",
      examples: ["max_attempts: 5"],
    },
  },
};

export const LIMITS_SCHEMA = {
  type: "object",
  description: "`per_requester:`",
  examples: [CAPS],
  additionalProperties: false,
  properties: {
    per_requester: {
      type: "object",
      description: "`open:` and `per_hour:`",
      examples: [CAPS],
      additionalProperties: false,
      properties: {
        open: cap("a whole number from 1: how many requests of one requester may wait at a time"),
        per_hour: cap("a whole number from 1: how many requests that need a person one may make in an hour"),
      },
    },
  },
};
