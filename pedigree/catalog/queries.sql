-- name: create_model
-- Create a registered model with its event, unless one of its name (case folded) exists or existed, or
-- only if none exists. The actor is set before the function runs.
SELECT pedigree.create_model(%(name)s, %(name_key)s, %(event)s, %(hole)s, %(again)s) AS created
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: model_description
-- What people edit of a model.
SELECT description, owners, tags FROM pedigree.registered_model WHERE model_id = %(model_id)s;

-- name: change_model
-- Write the events of a change of a model, and apply what they say. The actor is set before the function
-- runs.
SELECT (made.changed).generation, (made.changed).voided, (made.changed).policy_revision FROM (
    SELECT pedigree.change_model(%(model_id)s, %(events)s, %(at)s, %(hole)s) AS changed
    FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
        set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source
    OFFSET 0  -- so that it is called once
) AS made;

-- name: move_versions
-- The same for changes of stages and decisions, which sensors make as well.
SELECT (made.changed).generation, (made.changed).voided, (made.changed).policy_revision FROM (
    SELECT pedigree.move_versions(%(model_id)s, %(events)s, %(at)s, %(hole)s) AS changed
    FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
        set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source
    OFFSET 0  -- so that it is called once
) AS made;

-- name: lock_model
-- Lock a model's row for this transaction. The time is read after the lock is held, so the times of
-- a model's changes ascend in the order in which they commit, even if the clock jumps back.
WITH model AS MATERIALIZED (
    SELECT model_id, name, first_version, next_version, generation, policy, policy_revision,
        created_at, deleted_at
    FROM pedigree.registered_model
    WHERE name_key = %(name_key)s
    FOR NO KEY UPDATE
)
SELECT model.*, pedigree.time_of_change(model.name) AS at FROM model;

-- name: lock_model_of_version
-- Lock the row of the model that has a version under a name, also one that lost the name to another.
WITH model AS MATERIALIZED (
    SELECT model_id, name, first_version, next_version, generation, policy, policy_revision,
        created_at, deleted_at
    FROM pedigree.registered_model
    WHERE log_name = pedigree.log_name_of(%(name)s, %(version)s)
    FOR NO KEY UPDATE
)
SELECT model.*, pedigree.time_of_change(model.name) AS at FROM model;

-- name: lock_names
-- Lock names for this transaction, before any model: no other one can take or leave them.
SELECT pedigree.lock_names(VARIADIC %(keys)s::text[]);

-- name: highest_of_name
-- The highest number of a version that a name had with another model; null if none had it.
SELECT pedigree.highest_of_name(%(name)s, %(name_key)s, %(model_id)s) AS number,
    EXISTS (
        SELECT FROM pedigree.registered_model
        WHERE name_key = %(name_key)s AND model_id <> %(model_id)s AND deleted_at IS NULL
    ) AS is_held;

-- name: name_of_key
-- The name of the model with this key, also of a deleted one.
SELECT name, deleted_at FROM pedigree.registered_model WHERE name_key = %(name_key)s;

-- name: see_instance
-- Record that an instance's mirror runs, once a minute at most.
INSERT INTO pedigree.dagster_instance AS known (instance_id, seen_at)
VALUES (%(instance_id)s, clock_timestamp())
ON CONFLICT (instance_id) DO UPDATE SET seen_at = excluded.seen_at
WHERE known.seen_at <= excluded.seen_at - interval '1 minute';

-- name: end_awaiting
-- An asset graph shows trainings: each step of these runs that produced these versions.
DELETE FROM pedigree.awaited a
USING unnest(%(name_keys)s::text[], %(versions)s::integer[], %(run_ids)s::text[])
        AS shown (name_key, version, run_id)
    JOIN pedigree.registered_model m ON m.name_key = shown.name_key
    JOIN pedigree.training t
        ON t.model_id = m.model_id AND t.version = shown.version AND t.run_id = shown.run_id
WHERE a.training_id = t.training_id;

-- name: unmaterialized
-- Trainings of living versions, or of one, that no graph shows while their instance is unreachable.
SELECT
    t.training_id, m.name || '/' || t.version AS reference, t.run_id, a.instance_id, a.since,
    i.seen_at
FROM pedigree.awaited a
JOIN pedigree.training t USING (training_id)
JOIN pedigree.model_version v ON v.model_id = t.model_id AND v.version = t.version
JOIN pedigree.registered_model m ON m.model_id = t.model_id
LEFT JOIN pedigree.dagster_instance i ON i.instance_id = a.instance_id
WHERE a.since <= clock_timestamp() - %(age)s::interval
    AND (i.seen_at IS NULL OR i.seen_at <= clock_timestamp() - %(age)s::interval)
    AND v.deleted_at IS NULL AND m.deleted_at IS NULL
    AND (%(name_key)s::text IS NULL OR (m.name_key, t.version) = (%(name_key)s, %(version)s))
    AND (%(visible)s::text[] IS NULL OR m.name = ANY (%(visible)s::text[]))
    AND (
        %(after)s::uuid IS NULL
        OR (t.created_at, t.training_id) > (
            SELECT before.created_at, before.training_id
            FROM pedigree.training before WHERE before.training_id = %(after)s::uuid
        )
    )
ORDER BY t.created_at, t.training_id
LIMIT %(limit)s;

-- name: find_versions
-- The living versions of a number, a stage, an alias or `latest`; at most two.
SELECT model_name, version, record, signature, verification, generation
FROM pedigree.find_versions(%(name_key)s, %(version)s, %(pointer)s);

-- name: find_holder
-- The version that entered a stage last and still holds it.
SELECT model_name, version, record, signature, verification, generation
FROM pedigree.find_holder(%(name_key)s, %(stage)s);

-- name: newest_of_stages
-- The newest version of each stage that one of a model's versions is in, none included.
SELECT newest.stage, newest.version
FROM pedigree.registered_model m
CROSS JOIN LATERAL pedigree.newest_of_stages(m.model_id) AS newest
WHERE m.name_key = %(name_key)s AND m.deleted_at IS NULL;

-- name: versions
-- A page of a model's living versions after a number, oldest first.
SELECT m.name AS model_name, r.version, r.record::text, r.signature, r.verification::text,
    m.generation
FROM pedigree.registered_model m
CROSS JOIN LATERAL (
    SELECT * FROM pedigree.search_record s
    WHERE s.model_id = m.model_id AND s.version > %(after)s
    ORDER BY s.version
    LIMIT %(limit)s
) AS r
WHERE m.name_key = %(name_key)s AND m.deleted_at IS NULL
ORDER BY r.version;

-- name: newest_versions
-- A page of a model's living versions before a number, newest first.
SELECT m.name AS model_name, r.version, r.record::text, r.signature, r.verification::text,
    m.generation
FROM pedigree.registered_model m
CROSS JOIN LATERAL (
    SELECT * FROM pedigree.search_record s
    WHERE s.model_id = m.model_id AND s.version < %(before)s
    ORDER BY s.version DESC
    LIMIT %(limit)s
) AS r
WHERE m.name_key = %(name_key)s AND m.deleted_at IS NULL
ORDER BY r.version DESC;

-- name: model
-- A registered model with the versions of its stages and aliases.
SELECT * FROM pedigree.model_record WHERE name_key = %(name_key)s;

-- name: models
-- A page of the registered models after a name, by name.
SELECT * FROM pedigree.model_record
WHERE name_key > %(after)s
    AND (%(visible)s::text[] IS NULL OR name = ANY (%(visible)s::text[]))
ORDER BY name_key
LIMIT %(limit)s;

-- name: names_like
-- The models that the asker sees whose keys match patterns of LIKE, also deleted ones.
SELECT name FROM pedigree.models_named(%(keys)s::text[]);

-- name: trainings
-- A page of the runs that produced a version's bytes, oldest first.
SELECT t.*, v.flavor, v.signature
FROM pedigree.training t
JOIN pedigree.model_version v USING (model_id, version)
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND t.version = %(version)s
    AND v.deleted_at IS NULL AND m.deleted_at IS NULL
    AND (
        %(after)s::uuid IS NULL
        OR (t.created_at, t.training_id) > (
            SELECT before.created_at, before.training_id
            FROM pedigree.training before WHERE before.training_id = %(after)s::uuid
        )
    )
ORDER BY t.created_at, t.training_id
LIMIT %(limit)s;

-- name: version_source
-- Where a version comes from, also a deleted one; none if our own register made it.
SELECT s.source, s.location, s.run_id, s.run_link, s.logged_model_id, s.claimed
FROM pedigree.version_source s
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND s.version = %(version)s;

-- name: environment
-- The packages of an environment's hash.
SELECT packages FROM pedigree.environment WHERE hash = %(hash)s;

-- name: version_description
-- What people edit of a living version.
SELECT description, owners, tags FROM pedigree.model_version
WHERE model_id = %(model_id)s AND version = %(version)s AND deleted_at IS NULL;

-- name: lock_quarantines
-- Block the quarantine check of registrations until this transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('pedigree.quarantine', 0));

-- name: insert_quarantine
-- Put data, or (asset NULL) a version, in quarantine.
INSERT INTO pedigree.quarantine (
    asset, partition, since, reason, only_certain, at, quarantined_by
) VALUES (
    %(asset)s, %(partition)s, %(since)s, %(reason)s, %(only_certain)s, clock_timestamp(), %(actor)s
)
RETURNING quarantine_id, asset, partition, since, reason, only_certain, at, quarantined_by;

-- name: insert_mark
-- Mark a version for a quarantine.
INSERT INTO pedigree.quarantine_mark (quarantine_id, model_id, version, certainty)
SELECT %(quarantine_id)s, model_id, version, %(certainty)s::pedigree.certainty FROM pedigree.model_version
WHERE model_id = %(model_id)s AND version = %(version)s;

-- name: release_data
-- End the open quarantines of an asset, or of one of its partitions.
UPDATE pedigree.quarantine SET released_at = clock_timestamp(), released_by = %(actor)s
WHERE released_at IS NULL AND asset = %(asset)s
    AND partition IS NOT DISTINCT FROM %(partition)s::text
RETURNING quarantine_id, asset, partition, since, reason, only_certain, at, quarantined_by,
    released_at;

-- name: release_alone
-- End the quarantines of single versions.
UPDATE pedigree.quarantine SET released_at = clock_timestamp(), released_by = %(actor)s
WHERE released_at IS NULL AND asset IS NULL
    AND quarantine_id = ANY (%(quarantine_ids)s::bigint[]);

-- name: release_marks
-- Release a version from some quarantines.
UPDATE pedigree.quarantine_mark SET released_at = %(at)s
WHERE model_id = %(model_id)s AND version = %(version)s AND released_at IS NULL
    AND quarantine_id = ANY (%(quarantine_ids)s::bigint[]);

-- name: marked_versions
-- The versions that some quarantines hold, by model. A mark of the previous release has no
-- certainty, and so is possible; a mark of a single version concerns no data.
SELECT k.quarantine_id, m.name AS model_name, k.version,
    q.asset IS NOT NULL AND coalesce(k.certainty, 'possible') = 'possible' AS possible
FROM pedigree.quarantine_mark k
JOIN pedigree.quarantine q USING (quarantine_id)
JOIN pedigree.registered_model m USING (model_id)
WHERE k.quarantine_id = ANY (%(quarantine_ids)s::bigint[]) AND k.released_at IS NULL
ORDER BY k.model_id, k.version, k.quarantine_id;

-- name: open_marks
-- The quarantines that hold a version.
SELECT q.quarantine_id, q.reason
FROM pedigree.quarantine_mark k
JOIN pedigree.quarantine q USING (quarantine_id)
WHERE k.model_id = %(model_id)s AND k.version = %(version)s AND k.released_at IS NULL
ORDER BY q.quarantine_id;

-- name: open_quarantines_of_asset
-- The open quarantines of an asset and of its partitions, newest first; with visible models, those that
-- hold a version of one.
SELECT q.quarantine_id, q.partition, q.since, q.reason, q.only_certain, q.at, q.quarantined_by
FROM pedigree.quarantine q
WHERE q.released_at IS NULL AND q.asset = %(asset)s
    AND (%(visible)s::text[] IS NULL OR EXISTS (
        SELECT FROM pedigree.quarantine_mark k
        JOIN pedigree.registered_model m USING (model_id)
        WHERE k.quarantine_id = q.quarantine_id AND k.released_at IS NULL
            AND m.name = ANY (%(visible)s::text[])
    ))
ORDER BY q.quarantine_id DESC
LIMIT %(limit)s;

-- name: open_quarantines
-- A page of the open quarantines, newest first, each with the first visible versions that it holds
-- and the number of all of these; with visible models, only those that hold a version of one. A mark
-- of the previous release has no certainty, and so is possible; a mark of a single version concerns
-- no data.
SELECT q.quarantine_id, q.asset, q.partition, q.since, q.reason, q.only_certain, q.at,
    q.quarantined_by, held.versions, held.possible,
    number.versions - cardinality(held.versions) AS more
FROM pedigree.quarantine q
CROSS JOIN LATERAL (
    SELECT count(*) AS versions
    FROM pedigree.quarantine_mark k
    WHERE k.quarantine_id = q.quarantine_id AND k.released_at IS NULL
        AND (%(visible)s::text[] IS NULL OR k.model_id IN (
            SELECT model_id FROM pedigree.registered_model WHERE name = ANY (%(visible)s::text[])
        ))
) AS number
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(reference), '{}') AS versions,
        coalesce(array_agg(reference) FILTER (WHERE is_possible), '{}') AS possible
    FROM (
        SELECT m.name || '/' || k.version AS reference,
            q.asset IS NOT NULL AND coalesce(k.certainty, 'possible') = 'possible' AS is_possible
        FROM pedigree.quarantine_mark k
        JOIN pedigree.registered_model m USING (model_id)
        WHERE k.quarantine_id = q.quarantine_id AND k.released_at IS NULL
            AND (%(visible)s::text[] IS NULL OR m.name = ANY (%(visible)s::text[]))
        ORDER BY k.model_id, k.version
        LIMIT %(most)s
    ) AS mark
) AS held
WHERE q.released_at IS NULL
    AND (%(before)s::bigint IS NULL OR q.quarantine_id < %(before)s)
    AND (%(visible)s::text[] IS NULL OR number.versions > 0)
ORDER BY q.quarantine_id DESC
LIMIT %(limit)s;

-- name: newest_training
-- How a version's newest training was run.
SELECT t.asset, t.partition, t.step_key, t.config, t.run_id
FROM pedigree.training t
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND t.version = %(version)s
ORDER BY t.created_at DESC, t.training_id DESC
LIMIT 1;

-- name: blobs_of_versions
-- The given blobs that are files of a living version.
SELECT wanted.digest
FROM unnest(%(digests)s::text[]) AS wanted (digest)
WHERE EXISTS (
    SELECT FROM pedigree.artifact_file f
    JOIN pedigree.model_version v ON v.digest = f.artifact_digest
    WHERE f.blob_digest = wanted.digest AND v.deleted_at IS NULL
);

-- name: models_of_blobs
-- The models that the asker sees and that have some blobs as files of living versions.
SELECT digest, name FROM pedigree.models_of_blobs(%(digests)s::text[]);

-- name: data_of_models
-- The assets on whose data a version of some models depends, directly or indirectly.
SELECT wanted.asset
FROM unnest(%(assets)s::text[]) AS wanted (asset)
WHERE EXISTS (
    SELECT FROM pedigree.lineage_node n
    JOIN pedigree.training t USING (training_id)
    JOIN pedigree.registered_model m USING (model_id)
    WHERE n.asset = wanted.asset AND n.kind <> 'step' AND m.name = ANY (%(visible)s::text[])
);

-- name: models_of_states
-- The models whose versions are states of assets, also those that the asker does not see: of the asset
-- that trains a model, or of the asset of a stage. With a data version, is_version says whether it is
-- the digest of a version of the model.
SELECT place, name, is_version
FROM pedigree.models_of_states(%(assets)s::text[], %(data_versions)s::text[]);

-- name: look_before_creation
-- What the database knows about a registration, in one snapshot.
SELECT pedigree.look_before_creation(%(asked)s::jsonb) AS seen;

-- name: create_version
-- Register a version, or a further training of one. The actor is set before the function runs, and
-- only for the transaction of this statement.
SELECT pedigree.create_version(%(document)s::jsonb, %(manifest)s) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: seal_version
-- Give a version its bytes. The actor is set before the function runs.
SELECT pedigree.seal_version(%(document)s::jsonb, %(manifest)s) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: fail_version
-- Say that a pending version will have no bytes. The actor is set before the function runs.
SELECT pedigree.fail_version(%(document)s::jsonb) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: quarantines_of_nodes
-- The open quarantines of data on which a training depends or may depend.
SELECT * FROM pedigree.quarantines_of_nodes(
    %(nodes)s::jsonb, %(model_id)s::bigint, %(version)s::integer
);

-- name: place_of_version
-- The id of the model of a living version.
SELECT m.model_id, m.name
FROM pedigree.registered_model m
JOIN pedigree.model_version v USING (model_id)
WHERE m.name_key = %(name_key)s AND m.deleted_at IS NULL
    AND v.version = %(version)s AND v.deleted_at IS NULL;

-- name: name_of_model
-- The name of a living model.
SELECT name FROM pedigree.registered_model WHERE model_id = %(model_id)s AND deleted_at IS NULL;
