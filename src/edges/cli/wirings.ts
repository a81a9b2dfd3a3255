/** How `serve` asks for a gateway. Absent means as configured. */
export interface ServeOptions {
  readonly configFile: string;
  readonly dev: boolean;
  readonly dataDir?: string;
  /** 0..65535; 0 takes a free one. */
  readonly agentsPort?: number;
  readonly peoplePort?: number;
  /** Upstream name → URL that takes the configured one's place. */
  readonly upstreams?: Readonly<Record<string, string>>;
  /** `SALLYPORT_KILL_AT` as it stands; set for development only. */
  readonly killAt?: string;
}

/** What `serve` needs of a running gateway. */
export interface RunningGateway {
  readonly agentsUrl: string;
  readonly peopleUrl: string;
  readonly dataDir: string;
  readonly recovered: { readonly unknown: number; readonly failed: number };
  /** Takes no new calls, waits for those on their way, and releases the store. */
  close(): Promise<void>;
}

/** A person of the development issuer. */
export interface DevPersonRow {
  readonly person: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
}

export interface AgentTokenRequest {
  readonly agent: string;
  readonly tenant: string;
  readonly run?: string;
  readonly workflow?: string;
  readonly environment?: string;
  readonly user?: { readonly id: string; readonly groups: readonly string[] };
  /** 1,000 to 86,400,000 ms. */
  readonly ttlMs: number;
}

/** The policy bundle, looked at without running it. */
export interface BundleReport {
  /** Digest of the bundle, null when it does not load. */
  readonly digest: string | null;
  /** Whole sentences; empty when the bundle loads. */
  readonly faults: readonly string[];
  /** Source files that are not what the bundle was built from. */
  readonly stale: readonly string[];
}

/** The sandbox of the demo, as a process of its own. */
export interface RunningSandbox {
  readonly url: string;
  /** Upstream name → the sandbox's URL. */
  readonly upstreams: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** What the commands do that need adapters but no running gateway. */
export interface Offline {
  readonly devPeople: readonly DevPersonRow[];
  /** Whether the data folder has the development issuer's keys, which the first `serve --dev` makes. */
  hasDevKeys(dataDir: string): boolean;
  mintAgentToken(dataDir: string, request: AgentTokenRequest): Promise<string>;
  mintPersonToken(dataDir: string, person: DevPersonRow, ttlMs: number): Promise<string>;
  checkBundle(policiesDir: string, bundleFile: string): Promise<BundleReport>;
  /** Makes the ledger's and the payloads' keys where there are none; one line for each. */
  makeKeys(dataDir: string): Promise<readonly string[]>;
  /** Null when it worked, else why not. Builds from source, for minutes. */
  installOpa(say: (line: string) => void): Promise<string | null>;
  /** Runs the policy tool with its output passed through; its exit code, or why it cannot run. */
  runPolicyTool(verb: string, folder: string): Promise<number | string>;
  /** Empties a demo's data folder. Answers why not when it is not a demo's, or is in use. */
  prepareDemoData(dataDir: string, keep: boolean): Promise<string | null>;
  startSandbox(dataDir: string): Promise<RunningSandbox>;
}

/** Everything that the commands are given from outside. */
export interface Wirings {
  /** The program's version. */
  version(): string;
  openGateway(options: ServeOptions): Promise<RunningGateway>;
  /** Loaded when first needed: most commands are short-lived and need little. */
  offline(): Promise<Offline>;
}
