import type { Conversion } from "./conversion.ts";
import type { From, Mapping } from "./mapping.ts";

/** Properties that say something about the request; all others are taken for params. */
const ABOUT_THE_REQUEST: readonly string[] = [
  ...[
    "type",
    "action",
    "action_type",
    "title",
    "summary",
    "status",
    "approval_status",
    "decision",
    "approved",
  ],
  ...["created", "created_at", "timestamp", "generated", "requested", "requested_at", "updated"],
  ...["expires", "expires_at", "priority", "urgency", "risk", "risk_level", "tags", "aliases", "cssclasses"],
  ...["reason", "approval_reason", "requires_approval", "requested_by", "created_by", "agent", "source_file"],
  ...["plan_file", "original_file", "related_file", "request_id", "action_id", "approved_by", "approved_at"],
];

/**
 * The shapes that agents' vaults have in common: a note of `type: approval_request` with an `action`, or of a type of
 * its own; facts as properties, texts as properties or below a heading. Previews are left out: they are cut.
 */
export const PRESETS = {
  /** The action by its name, and all its params in one map or JSON block. */
  details: [
    {
      ...mapping("details", [], [], {}),
      kind: { from: ["action", "action_type", "**Action Type**", "**Action**"] },
      params: {
        whole: ["params", "parameters", "details", "## Details", "## Parameters", "## Action Details"],
      },
    },
  ],
  payment: [
    ...asking(["payment", "make_payment", "process_payment", "send_payment", "pay"]),
    ...typed(["payment_approval", "payment_request", "payment"]),
  ].map((when) =>
    mapping("payment", when, ["payment"], {
      amount_cents: one(["amount", "**Amount**"], "cents"),
      payee: one(["payee", "recipient", "vendor", "beneficiary", "to"]),
      currency: maybe(["currency", "amount"], "currency"),
      reference: maybe(["reference", "invoice", "invoice_id", "invoice_number"]),
    }),
  ),
  email: [
    ...asking(["send_email", "email_send", "email", "send_email_reply", "email_reply", "reply_email"]),
    ...typed(["email_approval", "email_draft", "email_reply", "email_send"]),
  ].map((when) =>
    mapping("email", when, ["email", "send_email", "email_send"], {
      to: one(["to", "recipient"]),
      subject: one(["subject"]),
      body: one([
        "body",
        "## Email Body",
        "## Email Content",
        "## Email Draft",
        "## Body",
        "## Draft",
        "## Draft Reply",
        "## Draft Response",
        "## Suggested Reply",
        "## Proposed Reply",
        "## Reply",
        "## Message",
      ]),
      cc: maybe(["cc"], "list"),
      bcc: maybe(["bcc"], "list"),
      attachments: maybe(["attachments", "attachment"], "list"),
      in_reply_to: maybe(["in_reply_to", "thread_id", "email_thread_id"]),
    }),
  ),
  post: Object.entries({
    linkedin: ["linkedin_post", "post_linkedin", "linkedin_approval"],
    facebook: ["facebook_post", "post_facebook"],
    instagram: ["instagram_post", "post_instagram"],
    twitter: ["twitter_post", "post_twitter", "post_tweet", "tweet", "x_post"],
    "": ["social_post", "social_media_post", "post_social", "social_media_approval", "create_post"],
  }).flatMap(([platform, names]) =>
    [...asking(names), ...typed(names)].map((when) =>
      mapping("post", when, ["post", "social_post"], {
        platform: platform === "" ? one(["platform"]) : { const: platform },
        content: one([
          "content",
          "post_content",
          "caption",
          "## Post Content",
          "## Content",
          "## Caption",
          "## Tweet Content",
          "## Proposed Content",
          "## LinkedIn Post Draft",
          "## Post",
        ]),
        link: maybe(["link", "url"]),
        image: maybe(["image", "image_path", "image_url"]),
        scheduled_for: maybe(["scheduled_for", "scheduled_time", "scheduled_date"]),
      }),
    ),
  ),
  /** The action by its name, and its params as properties. */
  properties: typed(["approval_request", "approval-request", "approval"]).map((when) => ({
    ...mapping("properties", when, [], {}),
    kind: { from: ["action", "action_type"] },
    params: { allBut: ABOUT_THE_REQUEST },
  })),
} as const satisfies Record<string, readonly Mapping[]>;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

type When = Mapping["when"];

/** A request of one of these actions. */
function asking(actions: readonly string[]): When[] {
  return ["action", "action_type"].map((name) => [{ name, is: actions }]);
}

/** A note of one of these types. */
function typed(types: readonly string[]): When[] {
  return [[{ name: "type", is: types }]];
}

function mapping(
  preset: string,
  when: When,
  kinds: readonly string[],
  each: Record<string, From | { const: string }>,
): Mapping {
  return {
    name: `the preset ${preset}`,
    when,
    kind: { first: kinds },
    params: { each },
    title: ["title"],
    expires: ["expires", "expires_at"],
    requester: [],
  };
}

function one(from: readonly string[], as: Conversion = "text"): From {
  return { from, as, optional: false };
}

function maybe(from: readonly string[], as: Conversion = "text"): From {
  return { from, as, optional: true };
}
