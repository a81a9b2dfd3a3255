/** A configuration with one mistake. The mark ⟦ in `to` stands where the problem must be placed; without one, at the file's start. */
export interface BadConfig {
  readonly title: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** What the formatted problem must say after `file:line:column `. */
  readonly says: string;
  /** How many problems there are in all; 1 when absent. */
  readonly problems?: number;
  /** Where the problem must be placed when that is far from the change: the first place of this text. */
  readonly at?: string;
}

/** A row; one problem unless it says more. */
export const row = (title: string, file: string, from: string, to: string, says: string, problems = 1): BadConfig => ({
  title,
  file,
  from,
  to,
  says,
  problems,
});
