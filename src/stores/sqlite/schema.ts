/** Forward-only; an entry is never edited after a release. Index + 1 is the version. */
export const migrations: readonly string[] = [
  `
CREATE TABLE calls (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  environment TEXT NOT NULL,
  agent TEXT NOT NULL,
  user TEXT NOT NULL,              -- '' when the agent acts for nobody
  run TEXT NOT NULL,               -- '' when the call has none
  tool TEXT NOT NULL,
  effect TEXT NOT NULL,
  call_digest TEXT NOT NULL,
  key TEXT,                        -- taken idempotency key
  state TEXT NOT NULL,
  was_held INTEGER NOT NULL,
  facts TEXT NOT NULL,             -- CallFacts as JSON, never changed
  hold TEXT,                       -- HoldTerms as JSON
  hold_expires_ms INTEGER,
  twin TEXT,
  payload_digest TEXT NOT NULL,
  started_ms INTEGER,
  settle_by_ms INTEGER,
  settled TEXT,                    -- Settled as JSON
  money TEXT,                      -- what became of its reservations, as JSON
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;                          -- with rowids: rows are large, and ids are random
CREATE UNIQUE INDEX calls_key ON calls (tenant, environment, agent, user, key) WHERE key IS NOT NULL;
CREATE INDEX calls_held_once ON calls (call_digest, run, created_ms) WHERE was_held = 1;
CREATE INDEX calls_twin ON calls (call_digest) WHERE effect = 'write' AND state IN ('held', 'approved', 'admitted', 'started', 'unknown');
CREATE INDEX calls_open ON calls (state, created_ms) WHERE state IN ('held', 'approved', 'started', 'unknown');
CREATE INDEX calls_run ON calls (tenant, run, agent, created_ms) WHERE state <> 'denied';
CREATE INDEX calls_holder ON calls (tenant, environment, agent, run) WHERE state IN ('held', 'approved');
CREATE INDEX calls_created ON calls (created_ms);

CREATE TABLE votes (
  call TEXT NOT NULL REFERENCES calls (id),
  person TEXT NOT NULL,
  vote TEXT NOT NULL,
  PRIMARY KEY (call, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  key TEXT PRIMARY KEY,
  taken INTEGER NOT NULL CHECK (taken >= 0),
  held INTEGER NOT NULL CHECK (held >= 0),
  settled INTEGER NOT NULL CHECK (settled >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE reservations (
  call TEXT NOT NULL REFERENCES calls (id),
  key TEXT NOT NULL,
  budget TEXT NOT NULL,
  units INTEGER NOT NULL CHECK (units >= 0),
  reservation_limit INTEGER NOT NULL,
  held INTEGER NOT NULL,
  PRIMARY KEY (call, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE stops (
  id TEXT PRIMARY KEY,
  stop TEXT NOT NULL,
  set_ms INTEGER NOT NULL,
  cleared_ms INTEGER,
  cleared_by TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
  tenant TEXT NOT NULL,
  run TEXT NOT NULL,
  agent TEXT NOT NULL,
  model TEXT,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  usd_micros INTEGER NOT NULL,
  outcome TEXT,
  updated_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, run, agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE payloads (
  digest TEXT NOT NULL,
  tenant TEXT NOT NULL,
  sealed BLOB NOT NULL,
  kept_ms INTEGER NOT NULL,        -- when it was last needed; retention counts from here
  PRIMARY KEY (digest, tenant)
) STRICT;
CREATE INDEX payloads_kept ON payloads (kept_ms);

CREATE TABLE ledger (
  seq INTEGER PRIMARY KEY,
  entry TEXT NOT NULL,             -- RFC 8785 text
  prev TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
`,
];
