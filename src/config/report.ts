import type { ConfigurationPath, Problem } from "./problems.ts";
import type { Part, Source } from "./source.ts";

/** Notes one problem at a path of one file. */
export type Report = (path: ConfigurationPath, message: string, hint?: string | null, part?: Part) => void;

/** A `Report` that adds to a list. */
export function reporterFor(source: Source, problems: Problem[]): Report {
  return (path, message, hint = null, part = "value") => {
    problems.push(source.problem(path, message, hint, part));
  };
}
