/** The named points where tests kill the process (INV-5). Each lies right before or after something becomes durable or visible. */
export const faultPoints = [
  "before_admit_commit",
  "after_admit_commit",
  "before_vote_commit",
  "after_vote_commit",
  "before_start_commit",
  "after_start_commit",
  "before_socket_write",
  "after_upstream_answer",
  "before_settle_commit",
  "after_settle_commit",
] as const;
export type FaultPoint = (typeof faultPoints)[number];

/** Called when a point is reached. Does nothing in a real wiring. */
export type ReachFault = (point: FaultPoint) => void;
