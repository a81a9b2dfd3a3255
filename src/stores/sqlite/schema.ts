/** The version of the tables below. A file of another one is refused: there is no release yet whose files would have to be carried over. */
export const schemaVersion = 2;

/**
 * What is told once is kept once: a call's facts, reservations and outcome stand in its ledger entries, and its row points there. Everything that grows with
 * the calls grows at its end, so that one commit of many calls touches few pages.
 */
export const schema = `
CREATE TABLE calls (
  told INTEGER PRIMARY KEY,        -- ledger row with its facts
  id TEXT NOT NULL UNIQUE,
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
  hold TEXT,                       -- HoldTerms as JSON
  hold_expires_ms INTEGER,
  twin TEXT,
  started_ms INTEGER,
  settle_by_ms INTEGER,
  booked INTEGER,                  -- ledger row with its reservations
  ended INTEGER,                   -- ledger row that says how it ended
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX calls_key ON calls (tenant, environment, agent, user, key) WHERE key IS NOT NULL;
CREATE INDEX calls_held_once ON calls (call_digest, run) WHERE was_held = 1;
CREATE INDEX calls_twin ON calls (call_digest) WHERE effect = 'write' AND state IN ('held', 'approved', 'unknown');
CREATE INDEX calls_open ON calls (state) WHERE state IN ('held', 'approved', 'started', 'unknown');
CREATE INDEX calls_run ON calls (tenant, run, agent) WHERE run <> '';
CREATE INDEX calls_holder ON calls (tenant, environment, agent, run) WHERE state IN ('held', 'approved');

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
  seq INTEGER PRIMARY KEY,         -- ledger row that names it
  digest TEXT NOT NULL,
  kept_ms INTEGER NOT NULL,        -- retention counts from here
  sealed BLOB NOT NULL
) STRICT;

CREATE TABLE ledger (
  seq INTEGER PRIMARY KEY,
  entry TEXT NOT NULL,             -- RFC 8785 text
  prev TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
`;
