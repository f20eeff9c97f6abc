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

-- name: is_fenced
-- Whether the connection's role is the application's, which can act as a worker, and not the owner's.
SELECT coalesce(
    NOT s.rolsuper AND n.nspowner <> s.oid AND pg_has_role(s.oid, w.oid, 'MEMBER')
    AND has_schema_privilege(s.oid, n.oid, 'USAGE'), false
) AS fenced
FROM pg_roles s
LEFT JOIN pg_namespace n ON n.nspname = 'pedigree'
LEFT JOIN pg_roles w ON w.rolname = 'pedigree_worker'
WHERE s.rolname = session_user;

-- name: may_act_as
-- Whether the connection's role is a member of another one, and not the owner.
SELECT coalesce(
    NOT s.rolsuper AND n.nspowner <> s.oid AND pg_has_role(s.oid, w.oid, 'MEMBER'), false
) AS may
FROM pg_roles s
LEFT JOIN pg_namespace n ON n.nspname = 'pedigree'
LEFT JOIN pg_roles w ON w.rolname = %(role)s
WHERE s.rolname = session_user;

-- name: enter_role
-- Act in another role until the end of the transaction; return the role of before.
SELECT current_setting('role') AS role, set_config('role', %(role)s, true);

-- name: note_roles
-- Record which roles.sql is applied.
SELECT pedigree.note_roles(%(checksum)s);

-- name: knows_roles
-- Whether the schema can record which roles.sql is applied.
SELECT EXISTS (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'pedigree' AND c.relname = 'applied_roles'
) AS found;

-- name: applied_roles
-- The checksum of the roles.sql that was last applied.
SELECT checksum FROM pedigree.applied_roles;

-- name: show_names_in_full
-- Show the names of the schema with it, whatever the role is called.
SELECT set_config('search_path', 'pg_catalog', true);

-- name: fence_facts
-- What the roles of the database may do, a line for each fact; fence.txt has those that should be. What
-- belongs to the owner of the schema is not shown, and neither are roles that own nothing of it.
WITH schema AS (
    SELECT oid, nspowner AS owner, nspacl AS acl FROM pg_namespace WHERE nspname = 'pedigree'
), relation AS (
    SELECT c.* FROM pg_class c JOIN schema ON c.relnamespace = schema.oid
    WHERE c.relkind IN ('r', 'v', 'm', 'p', 'S')
), routine AS (
    SELECT p.*, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS signature
    FROM pg_proc p JOIN schema ON p.pronamespace = schema.oid
    WHERE NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    )
), granted AS (
    SELECT 'schema pedigree' AS on_what, acl.* FROM schema, aclexplode(schema.acl) AS acl
    UNION ALL
    SELECT relname::text, acl.* FROM relation, aclexplode(relacl) AS acl
    UNION ALL
    SELECT format('%s (%s)', relname, attname), acl.*
    FROM relation JOIN pg_attribute ON attrelid = relation.oid, aclexplode(attacl) AS acl
    UNION ALL
    SELECT signature, acl.* FROM routine, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS acl
), own_role AS (
    SELECT * FROM pg_roles WHERE rolname IN (
        'pedigree_application', 'pedigree_worker', 'pedigree_sensor', 'pedigree_sequencer',
        'pedigree_sealer', 'pedigree_auditor'
    )
)
SELECT fact FROM (
    SELECT format('%s belongs to %s', relname, pg_get_userbyid(relowner)) AS fact
    FROM relation, schema WHERE relowner <> schema.owner
    UNION ALL
    SELECT format('%s belongs to %s', signature, pg_get_userbyid(proowner))
    FROM routine, schema WHERE proowner <> schema.owner
    UNION ALL
    SELECT format('grant %s on %s to %s%s', privilege_type, on_what,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END,
        CASE WHEN is_grantable THEN ' with grant option' END)
    FROM granted, schema WHERE grantee <> schema.owner
    UNION ALL
    SELECT format('function %s %s %s %s', signature,
        CASE WHEN prosecdef THEN 'security definer' ELSE 'security invoker' END,
        coalesce((SELECT each FROM unnest(proconfig) AS each WHERE each LIKE 'search_path=%'),
            'search_path of its caller'),
        left(encode(sha256(convert_to(prosrc, 'UTF8')), 'hex'), 16))
    FROM routine
    UNION ALL
    SELECT format('trigger %s on %s %s %s', tgname, relname, tgfoid::regproc, CASE tgenabled
        WHEN 'O' THEN 'enabled' WHEN 'A' THEN 'enabled always' WHEN 'D' THEN 'disabled'
        ELSE 'enabled for replicas' END)
    FROM relation JOIN pg_trigger ON tgrelid = relation.oid WHERE NOT tgisinternal
    UNION ALL
    SELECT format('policy %s on %s %s for %s to %s using %s check %s', polname, relname,
        CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END, polcmd, (
            SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(role) END, ', '
                ORDER BY pg_get_userbyid(role))
            FROM unnest(polroles) AS role
        ), regexp_replace(pg_get_expr(polqual, polrelid), '\s+', ' ', 'g'),
        coalesce(pg_get_expr(polwithcheck, polrelid), 'the same'))
    FROM relation JOIN pg_policy ON polrelid = relation.oid
    UNION ALL
    SELECT format('row security of %s is on%s', relname,
        CASE WHEN relforcerowsecurity THEN ', also for the owner' END)
    FROM relation WHERE relrowsecurity
    UNION ALL
    SELECT format('view %s %s', relname, CASE
        WHEN reloptions @> ARRAY['security_invoker=true'] THEN 'security invoker'
        ELSE 'security definer' END)
    FROM relation WHERE relkind = 'v'
    UNION ALL
    SELECT format('role %s%s%s%s%s%s%s', rolname, CASE WHEN rolsuper THEN ' superuser' END,
        CASE WHEN rolcreaterole THEN ' createrole' END, CASE WHEN rolcreatedb THEN ' createdb' END,
        CASE WHEN rolreplication THEN ' replication' END,
        CASE WHEN rolbypassrls THEN ' bypassrls' END, CASE WHEN rolinherit THEN ' inherit' END)
    FROM own_role
    UNION ALL
    -- Whether the application may seal is for the operator to choose.
    SELECT DISTINCT format('%s is a member of %s', own_role.rolname, pg_get_userbyid(m.roleid))
    FROM own_role JOIN pg_auth_members m ON m.member = own_role.oid
    WHERE pg_get_userbyid(m.roleid) <> 'pedigree_sealer' OR own_role.rolname <> 'pedigree_application'
) AS shown
ORDER BY fact COLLATE "C";
