-- name: migration_table_exists
-- Whether any migration was ever applied here.
SELECT to_regclass('pedigree.migration') IS NOT NULL AS found;

-- name: wait_for_other_migrators
-- One migrator at a time; the lock goes with the transaction. The others may have much to do.
SELECT set_config('lock_timeout', '120s', true), set_config('statement_timeout', '120s', true);

SELECT pg_advisory_xact_lock(7020201184);

-- name: limit_migration
-- Fail early on a table that somebody holds: behind a waiting DDL statement all readers queue.
SELECT set_config('lock_timeout', '5s', true), set_config('statement_timeout', '15min', true);

-- name: create_migration_table
-- The schema and the record of what was applied to it. A role that owns the schema need not be one
-- that may create it, and is asked for that right by IF NOT EXISTS too.
DO $$
BEGIN
    IF to_regnamespace('pedigree') IS NULL THEN
        CREATE SCHEMA pedigree;
    END IF;
END
$$;

CREATE TABLE IF NOT EXISTS pedigree.migration (
    number integer PRIMARY KEY,
    name text COLLATE "C" NOT NULL CONSTRAINT migration_name_unique UNIQUE,
    checksum text COLLATE "C" NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- name: applied_migrations
-- What was applied, oldest first.
SELECT number, name, checksum, applied_at FROM pedigree.migration ORDER BY number;

-- name: record_migration
-- Remember that a migration was applied, and by which text.
INSERT INTO pedigree.migration (number, name, checksum)
VALUES (%(number)s, %(name)s, %(checksum)s);
