import { type FaultPoint, faultPoints, type ReachFault } from "../ports/faults.ts";

/** Die at this point, after having passed it so many times. Tests of kill -9 only. */
export interface KillAt {
  readonly point: FaultPoint;
  after: number;
}

/** Reads `SALLYPORT_KILL_AT`, such as `before_socket_write:0`. The gateway looks at it only with `--dev`. */
export function readKillAt(text: string | undefined): KillAt | null {
  if (text === undefined || text === "") return null;
  const [point, after = "0"] = text.split(":");
  if (!faultPoints.includes(point as FaultPoint) || !/^[0-9]{1,6}$/.test(after))
    throw new Error(`SALLYPORT_KILL_AT is one of ${faultPoints.join(", ")}, then :N`);
  return { point: point as FaultPoint, after: Number(after) };
}

/** Kills this process when the point is reached; the store's points are counted in its own thread. */
export function killReacher(killAt: KillAt | null): ReachFault {
  let left = killAt?.after ?? 0;
  return (point) => {
    if (killAt?.point !== point) return;
    left -= 1;
    if (left < 0) process.kill(process.pid, "SIGKILL");
  };
}
