-- name: migration_table_exists
-- Whether a migration was ever applied to this database.
SELECT to_regclass('pedigree.migration') IS NOT NULL AS found;

-- name: wait_for_other_migrators
-- Serialize migrators; the lock ends with the transaction. Other migrators may take long.
SELECT set_config('lock_timeout', '120s', true), set_config('statement_timeout', '120s', true);

SELECT pg_advisory_xact_lock(7020201184);

-- name: limit_migration
-- Fail early on a locked table: all readers queue behind a waiting DDL statement.
SELECT set_config('lock_timeout', '5s', true), set_config('statement_timeout', '15min', true);

-- name: create_migration_table
-- Create the schema and its table of migrations. The schema's owner may lack the permission to create
-- schemas, which CREATE SCHEMA IF NOT EXISTS requires even if the schema exists.
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
-- The applied migrations, oldest first.
SELECT number, name, checksum, applied_at FROM pedigree.migration ORDER BY number;

-- name: record_migration
-- Record an applied migration with the checksum of its file.
INSERT INTO pedigree.migration (number, name, checksum)
VALUES (%(number)s, %(name)s, %(checksum)s);
