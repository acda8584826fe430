import { ERRORS } from "./codes/errors.ts";
import { FINDINGS } from "./codes/findings.ts";
import type { Meaning } from "./codes/meaning.ts";
import { PROBLEMS } from "./codes/problems.ts";
import { REFUSALS } from "./codes/refusals.ts";

/*
 * Every code a person or a program can meet is a row in one of the tables beside this file, with what it means and what
 * to do. The handbook's table is held against them by a test; programs match on codes, never on sentences.
 */

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
    // As the SDK calls it, where agents' authors meet it.
    this.name = "CountersignError";
    this.code = code;
    this.hint = hint ?? known.hint;
  }
}
