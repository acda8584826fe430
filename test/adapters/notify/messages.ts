import { type Item, type Message, messageOf } from "../../../src/document/message.ts";
import { sampleRequest, sampleSubmission, sampleVerdict } from "../../sample.ts";

/** What an agent might write so that a program does something with it. */
export const HOSTILE: readonly string[] = [
  "<!channel> pay now",
  "<!here|you> <@U012AB3CD> <#C024BE7LR|general> <https://evil.example|Approve>",
  "@everyone @here @ada ＠everyone <@&123> <@!456>",
  "[Approve here](https://evil.example/approve) ![x](https://evil.example/p.png)",
  "Bill\r\nBcc: thief@evil.example\r\n\r\nHello",
  "Bill\nContent-Type: text/html\n\n<script>alert(1)</script>",
  "\u001b[2J\u001b]0;owned\u0007\u009b31mred",
  "\u202egnp.exe\u202c\u200b\u2066hidden\u2069",
  "<at>everyone</at> <img src=x onerror=alert(1)> &lt;!channel&gt;",
  "**bold** __under__ `code` ```fence``` ||spoiler|| ~~no~~ # head > quote - [ ] Approve",
  ":rotating_light: :+1: obsidian://open?vault=x javascript:alert(1) www.evil.example",
  "-u critical --icon=/etc/passwd $(touch x) `touch y`; touch z",
  "x".repeat(5_000),
  "{{template}} <%tp.file%> $env %s %n",
];

/** A message about a request whose every foreign word is the agent's. */
export function hostileMessage(text: string, trusted = true): Message {
  const submission = sampleSubmission(
    {
      requester: text.slice(0, 100),
      on_behalf_of: text.slice(0, 100),
      params: { note: text, [text]: [text] },
    },
    { title: text, next_effect: text, verdict: sampleVerdict("require_approval", { factors: [text] }) },
  );
  return messageOf(
    "7-0123456789ab-ops",
    itemOf({ by: text, said: text }),
    sampleRequest(["submitted"], submission),
    {
      vault: "My Vault",
      trusted,
      to: [],
    },
  );
}

export function sampleMessage(changes: Partial<Message> = {}): Message {
  const wording = { vault: "My Vault", trusted: false, to: [] };
  return { ...messageOf("7-0123456789ab-ops", itemOf(), sampleRequest(), wording), ...changes };
}

export function itemOf(changes: Partial<Item> = {}): Item {
  return {
    seq: 7,
    hash: "0123456789abcdef",
    at: "2026-11-21T09:14:03.000Z",
    request: "20261121-091403-payment-7f3k9q",
    occasion: "created",
    headline: "Waits for your decision",
    by: null,
    said: null,
    inner: false,
    ...changes,
  };
}
