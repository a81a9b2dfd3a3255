/** What the program's exit codes mean. */
export const exitCodes = {
  done: 0,
  /** The thing was refused, or failed. */
  refused: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** No gateway answers there. */
  unreachable: 3,
  /** The call waits for people. */
  held: 4,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A command that cannot go on, in words for the person who typed it: one line what, one line what to do. Exceptions here are answers, not faults. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  readonly exitCode: ExitCode;
  readonly hint: string | null;
  /** More lines, printed between the message and the hint. */
  readonly details: readonly string[];

  constructor(exitCode: ExitCode, message: string, hint: string | null = null, details: readonly string[] = []) {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
    this.details = details;
  }
}

/** A command line that makes no sense. */
export function usage(message: string, hint: string | null = null): CommandFailed {
  return new CommandFailed(exitCodes.usage, message, hint);
}

/** Something that was refused, or failed. */
export function refused(message: string, hint: string | null = null, details: readonly string[] = []): CommandFailed {
  return new CommandFailed(exitCodes.refused, message, hint, details);
}
