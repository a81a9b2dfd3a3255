import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { emptyMemory, type Memory } from "./memory.ts";
import { schema, schemaVersion } from "./schema.ts";

/** One SQLite connection with its prepared statements. Lives in the worker thread; nothing else opens the file. */
export interface Database {
  /** Runs a statement that answers no rows; the number of rows changed. */
  readonly run: (sql: string, ...values: SQLInputValue[]) => number;
  /** The first row, or undefined. */
  readonly row: <Row>(sql: string, ...values: SQLInputValue[]) => Row | undefined;
  readonly rows: <Row>(sql: string, ...values: SQLInputValue[]) => readonly Row[];
  readonly exec: (sql: string) => void;
  readonly close: () => void;
  /** What this writer knows of the file without asking. */
  readonly memory: Memory;
}

/** In this order: the lock first. A large log and cache, because every commit touches pages all over the file; erased documents are encrypted anyway. */
const pragmas = [
  "locking_mode=EXCLUSIVE",
  "journal_mode=WAL",
  "synchronous=FULL",
  "foreign_keys=ON",
  "secure_delete=FAST",
  "wal_autocheckpoint=16000",
  "cache_size=-65536",
];

/**
 * Opens the file, takes it for this process alone and makes its tables when it is new. Throws when another process has it (`SQLITE_BUSY`), when it cannot be
 * written, or when another version made it.
 */
export function openDatabase(file: string): Database {
  const connection = new DatabaseSync(file, { timeout: 0, allowExtension: false });
  for (const pragma of pragmas) connection.exec(`PRAGMA ${pragma}`);
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const made = connection.prepare(sql);
    statements.set(sql, made);
    return made;
  };
  const database: Database = {
    run: (sql, ...values) => Number(prepare(sql).run(...values).changes),
    row: <Row>(sql: string, ...values: SQLInputValue[]) => prepare(sql).get(...values) as Row | undefined,
    rows: <Row>(sql: string, ...values: SQLInputValue[]) => prepare(sql).all(...values) as unknown as readonly Row[],
    exec: (sql) => connection.exec(sql),
    close: () => connection.close(),
    memory: emptyMemory(),
  };
  makeTables(database);
  return database;
}

function makeTables(database: Database): void {
  const version = database.row<{ user_version: number }>("PRAGMA user_version")?.user_version ?? 0;
  if (version === schemaVersion) return;
  if (version > schemaVersion)
    throw new Error(`the database is of version ${version} and this program knows ${schemaVersion}: run the newer program`);
  if (version > 0) throw new Error(`the database is of version ${version}, which no release made: this program makes ${schemaVersion}`);
  database.exec("BEGIN EXCLUSIVE");
  database.exec(schema);
  database.exec(`PRAGMA user_version=${schemaVersion}`);
  database.exec("COMMIT");
}
