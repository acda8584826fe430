import type { Meaning } from "./meaning.ts";

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
} as const satisfies Record<string, Meaning & { readonly stops: "all" | "approval" }>;
