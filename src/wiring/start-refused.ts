import { formatProblem, type Problem } from "../config/problems.ts";

/** The gateway does not start, because something that was asked for cannot be enforced. `details` are sentences, one a line. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
  readonly details: readonly string[];

  constructor(message: string, problems: readonly (Problem | string)[], options?: ErrorOptions) {
    super(message, options);
    this.details = problems.map((problem) => (typeof problem === "string" ? problem : formatProblem(problem)));
  }
}
