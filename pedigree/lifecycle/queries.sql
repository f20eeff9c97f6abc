-- name: version_state
-- The columns of a version that a gate needs, read under the model's lock.
SELECT v.version, v.digest, v.approval_status, v.quarantine_reason, v.hold_reason,
    coalesce(t.name, 'none') AS stage
FROM pedigree.model_version v
LEFT JOIN pedigree.tenure t
    ON t.model_id = v.model_id AND t.version = v.version
    AND t.pointer = 'stage' AND t.held_until IS NULL
WHERE v.model_id = %(model_id)s AND v.version = %(version)s AND v.deleted_at IS NULL;

-- name: holder
-- The version that took a pointer last and still holds it.
SELECT t.version, v.digest
FROM pedigree.tenure t
JOIN pedigree.model_version v USING (model_id, version)
WHERE t.model_id = %(model_id)s AND t.pointer = %(pointer)s AND t.name = %(name)s
    AND t.held_until IS NULL
ORDER BY t.tenure_id DESC
LIMIT 1;

-- name: holders_of_stage
-- The versions that hold a stage, the one that entered it last at the end.
SELECT t.version, v.digest
FROM pedigree.tenure t
JOIN pedigree.model_version v USING (model_id, version)
WHERE t.model_id = %(model_id)s AND t.pointer = 'stage' AND t.name = %(stage)s
    AND t.held_until IS NULL
ORDER BY t.tenure_id;

-- name: holder_in_full
-- The same as a full record.
SELECT r.* FROM (
    SELECT t.model_id, t.version FROM pedigree.tenure t
    WHERE t.model_id = %(model_id)s AND t.pointer = %(pointer)s AND t.name = %(name)s
        AND t.held_until IS NULL
    ORDER BY t.tenure_id DESC
    LIMIT 1
) AS held
JOIN pedigree.version_in_full r ON r.model_id = held.model_id AND r.version_id = held.version;

-- name: held_pointers
-- The stages and aliases that versions of a model hold, by an index skip scan over their many
-- holders; and the highest version of each.
WITH RECURSIVE held (name, pointer) AS (
    (
        SELECT t.name, t.pointer FROM pedigree.tenure t
        WHERE t.model_id = %(model_id)s AND t.held_until IS NULL
        ORDER BY t.name, t.pointer LIMIT 1
    )
    UNION ALL
    SELECT further.name, further.pointer
    FROM held
    CROSS JOIN LATERAL (
        SELECT t.name, t.pointer FROM pedigree.tenure t
        WHERE t.model_id = %(model_id)s AND t.held_until IS NULL
            AND (t.name, t.pointer) > (held.name, held.pointer)
        ORDER BY t.name, t.pointer LIMIT 1
    ) AS further
)
SELECT held.name, held.pointer, highest.version
FROM held
CROSS JOIN LATERAL (
    SELECT t.version FROM pedigree.tenure t
    WHERE t.model_id = %(model_id)s AND t.name = held.name AND t.pointer = held.pointer
        AND t.held_until IS NULL
    ORDER BY t.version DESC
    LIMIT 1
) AS highest;

-- name: insert_override
-- Write an override; a trigger refuses the version's authors, by whatever identity or token. The actor
-- is set before the function runs.
SELECT pedigree.write_override(
    %(model_id)s, %(version)s, %(from_stage)s, %(to_stage)s, %(gates)s, %(reason)s, %(issued_by)s,
    %(at)s
)
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: overrides_of_version
-- A page of the overrides of a version, oldest first.
SELECT override_id, version AS version_id, digest, from_stage, to_stage, generation, gates, reason,
    overridden_by, at
FROM pedigree.stage_override
WHERE model_id = %(model_id)s AND version = %(version)s AND override_id > %(after)s
ORDER BY override_id
LIMIT %(limit)s;

-- name: recent_overrides
-- The overrides of all models within some numbers, newest first.
SELECT o.override_id, m.name AS model_name, o.version AS version_id, o.digest, o.from_stage, o.to_stage,
    o.generation, o.gates, o.reason, o.overridden_by, o.at
FROM pedigree.stage_override o
JOIN pedigree.registered_model m USING (model_id)
WHERE o.override_id < %(before)s AND o.override_id >= %(first)s AND m.deleted_at IS NULL
    AND (%(visible)s::text[] IS NULL OR m.name = ANY (%(visible)s::text[]))
ORDER BY o.override_id DESC
LIMIT %(limit)s;

-- name: newest_override
-- The highest number of an override.
SELECT coalesce(max(override_id), 0) AS number FROM pedigree.stage_override;

-- name: rollback_target
-- The holder to return to: the latest one before the present holder that was not itself rolled
-- back, did not enter a later stage, is not the present holder, and may still run. Read from the
-- timeline's end.
SELECT t.version, v.digest
FROM pedigree.tenure t
JOIN pedigree.model_version v USING (model_id, version)
WHERE t.model_id = %(model_id)s AND t.pointer = 'stage' AND t.name = %(name)s
    AND t.version <> %(holder)s AND t.ended_by <> 'rollback' AND v.deleted_at IS NULL
    AND v.quarantine_reason IS NULL AND v.approval_status <> 'rejected'
    AND NOT EXISTS (
        SELECT FROM pedigree.tenure later
        WHERE later.model_id = t.model_id AND later.version = t.version
            AND later.pointer = t.pointer AND later.name = ANY (%(from_here_on)s)
            AND later.tenure_id > t.tenure_id
    )
ORDER BY t.held_since DESC, t.tenure_id DESC
LIMIT 1;

-- name: insert_verdicts
-- Write verdicts, each with its event. The actor is set before the function runs.
SELECT pedigree.record_verdicts(
    %(model_id)s, %(version)s, %(found)s, %(event_ids)s::uuid[], %(canonicals)s::bytea[], %(at)s
) AS verdict_id
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: latest_verdicts
-- A page of the newest verdicts of each check on a version, for each of its settings.
SELECT * FROM (
    SELECT DISTINCT ON (check_name, settings)
        verdict_id, check_name AS check, passed, severity, digest, relative, baseline_digest,
        settings, summary, details, run_id, at, recorded_by
    FROM pedigree.verdict
    WHERE version = %(version)s AND model_id = (
        SELECT model_id FROM pedigree.registered_model WHERE name_key = %(name_key)s
    )
    ORDER BY check_name, settings, verdict_id DESC
) AS newest
WHERE %(after)s::bigint IS NULL OR (newest.check, coalesce(newest.settings, 'null')) > (
    SELECT check_name, coalesce(settings, 'null') FROM pedigree.verdict
    WHERE verdict_id = %(after)s::bigint
)
ORDER BY newest.check, coalesce(newest.settings, 'null')
LIMIT %(limit)s;

-- name: check_counts
-- How many checks passed, warn and failed on some versions of a model, by the newest verdict of each.
SELECT newest.version, count(*) FILTER (WHERE newest.passed) AS passed,
    count(*) FILTER (WHERE NOT newest.passed AND newest.severity = 'warn') AS warned,
    count(*) FILTER (WHERE NOT newest.passed AND newest.severity <> 'warn') AS failed
FROM (
    SELECT DISTINCT ON (v.version, v.check_name, v.settings) v.version, v.passed, v.severity
    FROM pedigree.verdict v
    WHERE v.version = ANY (%(versions)s) AND v.model_id = (
        SELECT model_id FROM pedigree.registered_model WHERE name_key = %(name_key)s
    )
    ORDER BY v.version, v.check_name, v.settings, v.verdict_id DESC
) AS newest
GROUP BY newest.version;

-- name: verdicts_of_check
-- A page of all verdicts of one check on a version, the newest first.
SELECT verdict_id, check_name AS check, passed, severity, digest, relative, baseline_digest,
    settings, summary, details, run_id, at, recorded_by
FROM pedigree.verdict
WHERE version = %(version)s AND check_name = %(check)s AND model_id = (
        SELECT model_id FROM pedigree.registered_model WHERE name_key = %(name_key)s
    )
    AND (%(before)s::bigint IS NULL OR verdict_id < %(before)s::bigint)
ORDER BY verdict_id DESC
LIMIT %(limit)s;

-- name: policy_events
-- A page of the events that set a model's policy, numbered, oldest first. In canonical JSON no text
-- of a user contains the searched bytes: its quotation marks are escaped.
SELECT revision, canonical FROM (
    SELECT row_number() OVER (ORDER BY id) AS revision, canonical
    FROM pedigree.event
    WHERE type = 'model.updated' AND position('"policy":{'::bytea IN canonical) > 0 AND model = (
        SELECT log_name FROM pedigree.registered_model
        WHERE name_key = %(name_key)s AND name = %(name)s AND deleted_at IS NULL
    )
) AS numbered
WHERE revision > %(after)s
ORDER BY revision
LIMIT %(limit)s;

-- name: model_state
-- The columns of a model that the gates need, without a lock.
SELECT model_id, name, generation, policy, policy_revision, clock_timestamp() AS at
FROM pedigree.registered_model
WHERE name_key = %(name_key)s AND deleted_at IS NULL;

-- name: policy_since
-- The time of the last change of a model's requirements; NULL if it has no policy of its own.
SELECT policy_since FROM pedigree.registered_model WHERE model_id = %(model_id)s;

-- name: waiting_versions
-- The newest thousand living versions in some stages.
SELECT v.version
FROM unnest(%(stages)s::text[]) AS wanted (name)
CROSS JOIN LATERAL (
    SELECT t.version FROM pedigree.tenure t
    WHERE t.model_id = %(model_id)s AND t.name = wanted.name AND t.pointer = 'stage'
        AND t.held_until IS NULL
    ORDER BY t.version DESC
    LIMIT 1000
) AS held
JOIN pedigree.model_version v ON v.model_id = %(model_id)s AND v.version = held.version
WHERE v.deleted_at IS NULL
ORDER BY v.version DESC
LIMIT 1000;

-- name: versions_in_full
-- Versions of a model by number, newest first.
SELECT * FROM pedigree.version_in_full
WHERE model_id = %(model_id)s AND version_id = ANY (%(versions)s)
ORDER BY version_id DESC;

-- name: verdicts_of_versions
-- The newest verdict of each check on some versions, for each of its settings: only of the checks
-- and settings that the policy has, and of the details only what its age depends on. So the size of
-- the result depends on the policy, not on who records verdicts.
SELECT DISTINCT ON (version, check_name, settings)
    version, verdict_id, check_name AS check, passed, severity, digest, relative, baseline_digest,
    settings, summary,
    CASE
        WHEN jsonb_typeof(details -> 'looked_at') = 'string'
            THEN jsonb_build_object('looked_at', left(details ->> 'looked_at', 64))
        ELSE '{}'
    END AS details,
    run_id, at, recorded_by
FROM pedigree.verdict
WHERE model_id = %(model_id)s AND version = ANY (%(versions)s) AND EXISTS (
    SELECT FROM jsonb_to_recordset(%(rules)s) AS rule (name text, settings jsonb)
    WHERE rule.name = check_name
        AND (verdict.settings IS NULL OR verdict.settings = rule.settings)
)
ORDER BY version, check_name, settings, verdict_id DESC;

-- name: versions_of_bytes
-- The living versions of a model with some bytes.
SELECT version FROM pedigree.model_version
WHERE model_id = %(model_id)s AND digest = %(digest)s AND deleted_at IS NULL
ORDER BY version;

-- name: stages_left
-- The stages that some versions held and left.
SELECT DISTINCT version, name FROM pedigree.tenure
WHERE model_id = %(model_id)s AND version = ANY (%(versions)s) AND pointer = 'stage'
    AND held_until IS NOT NULL;

-- name: insert_decision
-- Write a decision; a trigger refuses the version's authors, by whatever identity or token. The actor
-- is set before the function runs.
SELECT (made.decision).decision_id, (made.decision).version AS version_id, (made.decision).digest,
    (made.decision).from_stage, (made.decision).to_stage, (made.decision).generation,
    (made.decision).approved, (made.decision).comment, (made.decision).decided_by,
    (made.decision).at, pedigree.person_of((made.decision).decided_by) AS person,
    pedigree.keys_of_person((made.decision).decided_by) AS keys_of_person
FROM (
    SELECT pedigree.decide(
        %(model_id)s, %(version)s, %(from_stage)s, %(to_stage)s, %(approved)s, %(comment)s,
        %(issued_by)s, %(at)s
    ) AS decision
    FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
        set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source
    OFFSET 0  -- so that it is called once
) AS made;

-- name: decisions_of_versions
-- The decisions about some versions that may still count, oldest first, without their comments: the
-- last rejection, and after it the newest approval of each person who is not an author by now. So the
-- size of the result depends on how many people approve, not on how often or at what length. Who is
-- one person is judged now: identities may have been linked after the decision. The generation is
-- the one that a decision is valid for: an override voids none.
SELECT version, digest, from_stage, to_stage, generation, approved, decided_by,
    decided_by_source, at, pedigree.person_of(decided_by) AS person,
    pedigree.keys_of_person(decided_by) AS keys_of_person
FROM (
    SELECT DISTINCT ON (d.version, d.approved, CASE WHEN d.approved THEN d.decided_by END)
        d.decision_id, d.version, d.digest, d.from_stage, d.to_stage, d.approved, d.decided_by,
        d.decided_by_source, d.at,
        d.generation + (
            SELECT count(*) FROM pedigree.stage_override o
            WHERE o.model_id = d.model_id AND o.generation > d.generation
        ) AS generation
    FROM pedigree.decision d
    LEFT JOIN (
        SELECT version, max(decision_id) AS decision_id
        FROM pedigree.decision
        WHERE model_id = %(model_id)s AND version = ANY (%(versions)s) AND NOT approved
        GROUP BY version
    ) AS rejection USING (version)
    WHERE d.model_id = %(model_id)s AND d.version = ANY (%(versions)s)
        AND d.decision_id >= coalesce(rejection.decision_id, 0)
        AND NOT (d.approved AND (
            pedigree.is_author(d.model_id, d.version, d.decided_by)
            OR pedigree.is_author(d.model_id, d.version, d.issued_by)
        ))
    ORDER BY d.version, d.approved, CASE WHEN d.approved THEN d.decided_by END, d.decision_id DESC
) AS standing
ORDER BY version, decision_id;

-- name: models_with_approvers
-- The models whose policy has automatic approvers: of the named ones, or all (names NULL).
SELECT name FROM pedigree.registered_model
WHERE deleted_at IS NULL AND (%(names)s::text[] IS NULL OR name = ANY (%(names)s::text[]))
    AND policy @? '$.stages[*].approvals.automatic[0]'
ORDER BY name;

-- name: decisions_of_version
-- A page of the decisions about a version, oldest first.
SELECT decision_id, version AS version_id, digest, from_stage, to_stage, generation, approved,
    comment, decided_by, at
FROM pedigree.decision
WHERE model_id = %(model_id)s AND version = %(version)s AND decision_id > %(after)s
ORDER BY decision_id
LIMIT %(limit)s;

-- name: recent_decisions
-- The decisions about versions of all models within some numbers, or those of one person, newest first.
SELECT d.decision_id, m.name AS model_name, d.version AS version_id, d.digest, d.from_stage, d.to_stage,
    d.generation, d.approved, d.comment, d.decided_by, d.at
FROM pedigree.decision d
JOIN pedigree.registered_model m USING (model_id)
WHERE d.decision_id < %(before)s AND d.decision_id >= %(first)s AND m.deleted_at IS NULL
    AND (%(person)s::text IS NULL OR d.decided_by = %(person)s::text)
    AND (%(visible)s::text[] IS NULL OR m.name = ANY (%(visible)s::text[]))
ORDER BY d.decision_id DESC
LIMIT %(limit)s;

-- name: newest_decision
-- The highest number of a decision that the reader may see.
SELECT coalesce(max(decision_id), 0) AS number FROM pedigree.decision;

-- name: candidacies_of_model
-- What a model's candidates waited for at the last evaluation.
SELECT version AS version_id, stage, waits_for, evaluated_at, next_evaluation_at
FROM pedigree.candidacy
WHERE model_id = %(model_id)s
ORDER BY version DESC, stage;

-- name: candidacies_of_version
-- A page of what a version waited for at the last evaluation, by stage.
SELECT version AS version_id, stage, waits_for, evaluated_at, next_evaluation_at
FROM pedigree.candidacy
WHERE model_id = %(model_id)s AND version = %(version)s
    AND (%(after)s::text IS NULL OR stage > %(after)s::text)
ORDER BY stage
LIMIT %(limit)s;

-- name: write_candidacy
-- Write what a candidate waits for.
INSERT INTO pedigree.candidacy (
    model_id, version, stage, waits_for, evaluated_at, next_evaluation_at
) VALUES (
    %(model_id)s, %(version_id)s, %(stage)s, %(waits_for)s, %(evaluated_at)s,
    %(next_evaluation_at)s
)
ON CONFLICT (model_id, version, stage) DO UPDATE
SET waits_for = excluded.waits_for, evaluated_at = excluded.evaluated_at,
    next_evaluation_at = excluded.next_evaluation_at;

-- name: end_candidacies
-- End the waiting of versions; return the run of each.
WITH ended AS (
    DELETE FROM pedigree.candidacy c
    USING unnest(%(versions)s::integer[], %(stages)s::text[]) AS gone (version, stage)
    WHERE c.model_id = %(model_id)s AND c.version = gone.version AND c.stage = gone.stage
    RETURNING c.version
)
SELECT first.run_id
FROM (SELECT DISTINCT version FROM ended) AS version
CROSS JOIN LATERAL (
    SELECT t.run_id FROM pedigree.training t
    WHERE t.model_id = %(model_id)s AND t.version = version.version
    ORDER BY t.created_at, t.training_id LIMIT 1
) AS first
WHERE first.run_id IS NOT NULL
ORDER BY version.version;

-- name: models_to_evaluate
-- The models with a candidate that time alone may have changed.
SELECT DISTINCT m.name
FROM pedigree.candidacy c
JOIN pedigree.registered_model m USING (model_id)
WHERE c.next_evaluation_at <= clock_timestamp() AND m.deleted_at IS NULL
ORDER BY m.name;

-- name: timeline
-- The newest tenures of a model's stages and aliases before one of them, newest first.
SELECT t.tenure_id, t.pointer || ':' || t.name AS pointer, t.version AS version_id,
    t.held_since AS since, t.held_until AS until, t.moved_by, t.reason,
    pedigree.is_overridden(t.model_id, t.version, t.pointer, t.name, t.held_since) AS overridden
FROM pedigree.tenure t
WHERE t.tenure_id < %(before)s AND t.model_id = (
    SELECT model_id FROM pedigree.registered_model
    WHERE name_key = %(name_key)s AND name = %(model)s AND deleted_at IS NULL
)
ORDER BY t.tenure_id DESC
LIMIT %(limit)s;

-- name: timeline_of_pointer
-- The same of one stage or alias.
SELECT t.tenure_id, t.pointer || ':' || t.name AS pointer, t.version AS version_id,
    t.held_since AS since, t.held_until AS until, t.moved_by, t.reason,
    pedigree.is_overridden(t.model_id, t.version, t.pointer, t.name, t.held_since) AS overridden
FROM pedigree.tenure t
WHERE t.pointer = %(pointer)s AND t.name = %(name)s AND t.tenure_id < %(before)s
    AND t.held_since <= coalesce(
        (SELECT held_since FROM pedigree.tenure WHERE tenure_id = %(before)s), 'infinity'
    )
    AND t.model_id = (
        SELECT model_id FROM pedigree.registered_model
        WHERE name_key = %(name_key)s AND name = %(model)s AND deleted_at IS NULL
    )
ORDER BY t.held_since DESC, t.tenure_id DESC
LIMIT %(limit)s;

-- name: pointers_ever
-- The names of the stages, or of the aliases, that versions of a model have held, by an index skip
-- scan.
WITH RECURSIVE model AS (
    SELECT model_id FROM pedigree.registered_model
    WHERE name_key = %(name_key)s AND name = %(model)s AND deleted_at IS NULL
), named (name) AS (
    (
        SELECT t.name FROM pedigree.tenure t
        WHERE t.model_id = (SELECT model_id FROM model) AND t.pointer = %(pointer)s
        ORDER BY t.name LIMIT 1
    )
    UNION ALL
    SELECT further.name
    FROM named
    CROSS JOIN LATERAL (
        SELECT t.name FROM pedigree.tenure t
        WHERE t.model_id = (SELECT model_id FROM model) AND t.pointer = %(pointer)s
            AND t.name > named.name
        ORDER BY t.name LIMIT 1
    ) AS further
)
SELECT name FROM named;

-- name: tenures_of_version
-- A page of the tenures of one version, in the order of their beginning.
SELECT t.tenure_id, t.pointer || ':' || t.name AS pointer, t.version AS version_id,
    t.held_since AS since, t.held_until AS until, t.moved_by, t.reason,
    pedigree.is_overridden(t.model_id, t.version, t.pointer, t.name, t.held_since) AS overridden
FROM pedigree.tenure t
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND t.version = %(version)s AND t.tenure_id > %(after)s
ORDER BY t.tenure_id
LIMIT %(limit)s;

-- name: tenures_of_versions
-- The tenures of many versions, of each in the order of their beginning.
SELECT wanted.name_key, t.tenure_id, t.pointer || ':' || t.name AS pointer,
    t.version AS version_id, t.held_since AS since, t.held_until AS until, t.moved_by, t.reason,
    pedigree.is_overridden(t.model_id, t.version, t.pointer, t.name, t.held_since) AS overridden
FROM unnest(%(name_keys)s::text[], %(versions)s::integer[]) AS wanted (name_key, version)
JOIN pedigree.registered_model m ON m.name_key = wanted.name_key
JOIN pedigree.tenure t ON t.model_id = m.model_id AND t.version = wanted.version
ORDER BY t.tenure_id;

-- name: as_of
-- A page of what a model's stages and aliases, or one of them, pointed to at a given time, by an index skip
-- scan over the pointers. For an exclusive pointer, only the last tenure that began by then counts;
-- for a shared one, those that ended later.
WITH RECURSIVE model AS (
    SELECT model_id FROM pedigree.registered_model
        WHERE name_key = %(name_key)s AND name = %(model)s AND deleted_at IS NULL
), named (pointer, name) AS (
    (
        SELECT t.pointer, t.name FROM pedigree.tenure t
        WHERE t.model_id = (SELECT model_id FROM model)
            AND (%(pointer)s::text IS NULL OR (t.pointer, t.name) = (%(pointer)s, %(name)s))
        ORDER BY t.pointer, t.name LIMIT 1
    )
    UNION ALL
    SELECT further.pointer, further.name
    FROM named
    CROSS JOIN LATERAL (
        SELECT t.pointer, t.name FROM pedigree.tenure t
        WHERE t.model_id = (SELECT model_id FROM model) AND %(pointer)s::text IS NULL
            AND (t.pointer, t.name) > (named.pointer, named.name)
        ORDER BY t.pointer, t.name LIMIT 1
    ) AS further
)
SELECT held.tenure_id, held.pointer || ':' || held.name AS pointer, held.version AS version_id,
    held.held_since AS since, held.held_until AS until, held.moved_by, held.reason,
    pedigree.is_overridden(
        held.model_id, held.version, held.pointer, held.name, held.held_since
    ) AS overridden
FROM named
CROSS JOIN LATERAL (
    SELECT * FROM (
        SELECT t.* FROM pedigree.tenure t
        WHERE t.model_id = (SELECT model_id FROM model)
            AND t.pointer = named.pointer AND t.name = named.name
            AND t.exclusive AND t.held_since <= %(moment)s
        ORDER BY t.held_since DESC, t.tenure_id DESC LIMIT 1
    ) AS last
    WHERE last.held_until IS NULL OR last.held_until > %(moment)s
    UNION ALL
    SELECT t.* FROM pedigree.tenure t
    WHERE t.model_id = (SELECT model_id FROM model)
        AND t.pointer = named.pointer AND t.name = named.name
        AND NOT t.exclusive AND t.held_since <= %(moment)s
        AND coalesce(t.held_until, 'infinity'::timestamptz) > %(moment)s
) AS held
WHERE %(after)s::bigint IS NULL OR (held.pointer, held.name, held.version) > (
    SELECT pointer, name, version FROM pedigree.tenure WHERE tenure_id = %(after)s::bigint
)
ORDER BY held.pointer, held.name, held.version
LIMIT %(limit)s;

-- name: held_within
-- What a model's stages and aliases pointed to at any time of a period, by pointer and beginning, by an
-- index skip scan over the pointers: what was held when it began, and what began in it.
WITH RECURSIVE model AS (
    SELECT model_id FROM pedigree.registered_model
    WHERE name_key = %(name_key)s AND name = %(model)s AND deleted_at IS NULL
), named (pointer, name) AS (
    (
        SELECT t.pointer, t.name FROM pedigree.tenure t
        WHERE t.model_id = (SELECT model_id FROM model)
        ORDER BY t.pointer, t.name LIMIT 1
    )
    UNION ALL
    SELECT further.pointer, further.name
    FROM named
    CROSS JOIN LATERAL (
        SELECT t.pointer, t.name FROM pedigree.tenure t
        WHERE t.model_id = (SELECT model_id FROM model)
            AND (t.pointer, t.name) > (named.pointer, named.name)
        ORDER BY t.pointer, t.name LIMIT 1
    ) AS further
)
SELECT held.tenure_id, held.pointer || ':' || held.name AS pointer, held.version AS version_id,
    held.held_since AS since, held.held_until AS until, held.moved_by, held.reason,
    pedigree.is_overridden(
        held.model_id, held.version, held.pointer, held.name, held.held_since
    ) AS overridden
FROM named
CROSS JOIN LATERAL (
    SELECT * FROM (
        SELECT t.* FROM pedigree.tenure t
        WHERE t.model_id = (SELECT model_id FROM model)
            AND t.pointer = named.pointer AND t.name = named.name
            AND t.exclusive AND t.held_since < %(since)s
        ORDER BY t.held_since DESC, t.tenure_id DESC LIMIT 1
    ) AS last
    WHERE last.held_until IS NULL OR last.held_until >= %(since)s
    UNION ALL
    SELECT * FROM (
        SELECT t.* FROM pedigree.tenure t
        WHERE t.model_id = (SELECT model_id FROM model)
            AND t.pointer = named.pointer AND t.name = named.name
            AND NOT t.exclusive AND t.held_since < %(since)s
            AND coalesce(t.held_until, 'infinity'::timestamptz) >= %(since)s
        ORDER BY t.held_since DESC, t.tenure_id DESC LIMIT %(limit)s
    ) AS shared
    UNION ALL
    SELECT * FROM (
        SELECT t.* FROM pedigree.tenure t
        WHERE t.model_id = (SELECT model_id FROM model)
            AND t.pointer = named.pointer AND t.name = named.name
            AND t.held_since >= %(since)s AND t.held_since < %(until)s
        ORDER BY t.held_since DESC, t.tenure_id DESC LIMIT %(limit)s
    ) AS began
) AS held
ORDER BY held.pointer DESC, held.name, held.held_since DESC, held.tenure_id DESC
LIMIT %(limit)s;

-- name: living_versions
-- The numbers of a model's living versions.
SELECT version FROM pedigree.model_version
WHERE model_id = %(model_id)s AND deleted_at IS NULL
ORDER BY version;

-- name: aliases_of_version
-- The aliases that a version holds now.
SELECT name FROM pedigree.tenure
WHERE model_id = %(model_id)s AND version = %(version)s AND pointer = 'alias'
    AND held_until IS NULL
ORDER BY name;

-- name: deleted_version
-- A version, deleted or not, and the stage that it lost when it was deleted.
SELECT v.version, v.digest, v.copy, v.deleted_at, v.collected_at, lost.name AS stage
FROM pedigree.model_version v
LEFT JOIN LATERAL (
    SELECT t.name FROM pedigree.tenure t
    WHERE t.model_id = v.model_id AND t.version = v.version AND t.pointer = 'stage'
        AND t.ended_by = 'deletion' AND t.held_until = v.deleted_at
    ORDER BY t.tenure_id DESC
    LIMIT 1
) AS lost ON true
WHERE v.model_id = %(model_id)s AND v.version = %(version)s;

-- name: deleted_model
-- A deleted model, with how many of its versions can be restored with it.
SELECT m.name, m.deleted_at, (
    SELECT count(*) FROM pedigree.model_version v
    WHERE v.model_id = m.model_id AND v.deleted_at = m.deleted_at AND v.collected_at IS NULL
) AS versions
FROM pedigree.registered_model m
WHERE m.name_key = %(name_key)s AND m.deleted_at IS NOT NULL;

-- name: lost_its_name
-- A deleted model that lost its name to another one.
SELECT model_id FROM pedigree.registered_model
WHERE name = %(name)s AND pedigree.is_superseded(name_key)
LIMIT 1;

-- name: living_twin
-- The living version of a model that has some bytes, in one copy.
SELECT version FROM pedigree.model_version
WHERE model_id = %(model_id)s AND digest = %(digest)s AND copy = %(copy)s AND deleted_at IS NULL;

-- name: deleted_together
-- The versions that were deleted with their model, and whether their bytes still exist.
SELECT version, collected_at IS NOT NULL AS collected FROM pedigree.model_version
WHERE model_id = %(model_id)s AND deleted_at = %(deleted_at)s
ORDER BY version;

-- name: blobs_to_restore
-- The live blobs of a model's deleted versions, or of one of them.
SELECT DISTINCT b.digest, b.size, b.key
FROM pedigree.registered_model m
JOIN pedigree.model_version v USING (model_id)
JOIN pedigree.artifact_file f ON f.artifact_digest = v.digest
JOIN pedigree.blob b ON b.digest = f.blob_digest
WHERE m.name_key = %(name_key)s AND v.deleted_at IS NOT NULL
    AND (%(version)s::integer IS NULL OR v.version = %(version)s);

-- name: insert_request
-- Write a stage request for a version.
INSERT INTO pedigree.stage_request (
    model_id, version, from_stage, stage, reason, only_asks, requested_by, requested_by_source, at,
    waits_for, next_evaluation_at
) VALUES (
    %(model_id)s, %(version)s, %(from_stage)s, %(stage)s, %(reason)s, %(only_asks)s, %(actor)s,
    %(actor_source)s, %(at)s, %(waits_for)s, %(next_evaluation_at)s
)
RETURNING request_id, version AS version_id, from_stage, stage, reason, only_asks, requested_by, at,
    outcome, closed_at, closed_by, waits_for, next_evaluation_at;

-- name: open_requests
-- The open requests for a version, or for all of a model's (version NULL), oldest first; all of them
-- with limit NULL.
SELECT r.request_id, m.name AS model_name, r.version AS version_id, v.digest, r.from_stage, r.stage,
    r.reason, r.only_asks, r.requested_by, r.requested_by_source, r.at, r.outcome, r.closed_at,
    r.closed_by, r.waits_for, r.next_evaluation_at
FROM pedigree.stage_request r
JOIN pedigree.model_version v USING (model_id, version)
JOIN pedigree.registered_model m USING (model_id)
WHERE r.model_id = %(model_id)s AND r.outcome IS NULL
    AND (%(version)s::integer IS NULL OR r.version = %(version)s)
ORDER BY r.request_id
LIMIT %(limit)s::bigint;

-- name: anything_asked
-- Whether a request for a version of a model is open.
SELECT EXISTS (
    SELECT FROM pedigree.stage_request r
    JOIN pedigree.registered_model m USING (model_id)
    WHERE m.name_key = %(name_key)s AND r.outcome IS NULL
) AS asked;

-- name: list_requests
-- A page of the open requests of all models, or of one, oldest first.
SELECT r.request_id, m.name AS model_name, r.version AS version_id, v.digest, r.from_stage, r.stage,
    r.reason, r.only_asks, r.requested_by, r.at, r.outcome, r.closed_at, r.closed_by, r.waits_for,
    r.next_evaluation_at
FROM pedigree.stage_request r
JOIN pedigree.model_version v USING (model_id, version)
JOIN pedigree.registered_model m USING (model_id)
WHERE r.outcome IS NULL AND r.request_id > %(after)s
    AND (%(name_key)s::text IS NULL OR m.name_key = %(name_key)s)
    AND (%(visible)s::text[] IS NULL OR m.name = ANY (%(visible)s::text[]))
ORDER BY r.request_id
LIMIT %(limit)s;

-- name: requests_to_decide
-- The newest place of the feed, whether events wait for theirs, and the open requests that one person
-- could decide, in groups that the same facts judge: the rule, the requester if the rule may ask who
-- promotes, and the approvals that count now, the newest of each person. Left out are the person's own
-- requests, versions of which they or who issued their token are an author, what they approved, and
-- what takes nobody's decision. Without groups, the only row has no number. Whose a name is is looked
-- up once for each name.
WITH head AS (
    SELECT coalesce((SELECT max(seq) FROM pedigree.feed), 0) AS place,
        EXISTS (SELECT FROM pedigree.unsequenced) AS unsequenced
), me AS MATERIALIZED (
    SELECT pedigree.keys_of_person(%(name)s) AS keys,
        pedigree.keys_of_person(%(name)s) || CASE WHEN %(issuer)s::text IS NULL THEN '{}'
            ELSE pedigree.keys_of_person(%(issuer)s) END AS authors
    WHERE %(decides)s::boolean
), wanted AS MATERIALIZED (
    SELECT r.request_id, r.model_id, r.version, r.from_stage, r.stage, r.only_asks, r.requested_by,
        r.requested_by_source, m.name, m.generation, m.policy IS NULL AS is_default, v.digest,
        v.risk_class, v.created_by, chosen.rule
    FROM me
    CROSS JOIN pedigree.stage_request r
    JOIN pedigree.registered_model m USING (model_id)
    JOIN pedigree.model_version v USING (model_id, version)
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_path_query_first(
            m.policy, '$.stages[*] ? (@.name == $stage)', jsonb_build_object('stage', r.stage)
        ), (
            SELECT each.rule FROM jsonb_array_elements(m.policy -> 'stages') AS each (rule)
            WHERE pedigree.folded(each.rule ->> 'name') = pedigree.folded(r.stage)
            LIMIT 1
        )) AS rule
        OFFSET 0  -- so that it is found once
    ) AS chosen
    WHERE r.outcome IS NULL AND m.deleted_at IS NULL
        AND (%(patterns)s::text[] IS NULL OR m.name_key LIKE ANY (%(patterns)s::text[]))
        AND (
            r.only_asks OR jsonb_typeof(chosen.rule -> 'approvals') = 'object'
            OR chosen.rule @? '$.promoters[0]'
        )
), maker AS MATERIALIZED (
    SELECT named.name, pedigree.person_key(named.name) = ANY (me.keys) AS is_own,
        pedigree.person_key(named.name) = ANY (me.authors) AS is_author
    FROM me CROSS JOIN (
        SELECT requested_by FROM wanted UNION SELECT created_by FROM wanted
    ) AS named (name)
), asked AS MATERIALIZED (
    SELECT w.* FROM wanted w
    JOIN maker requester ON requester.name = w.requested_by AND NOT requester.is_own
    JOIN maker author ON author.name = w.created_by AND NOT author.is_author
    WHERE NOT EXISTS (
        SELECT FROM me CROSS JOIN pedigree.training t
        WHERE t.model_id = w.model_id AND t.version = w.version AND t.created_by <> w.created_by
            AND pedigree.person_key(t.created_by) = ANY (me.authors)
    )
), approved AS MATERIALIZED (
    SELECT a.request_id, a.model_id, a.version, a.requested_by, a.created_by, d.decision_id,
        d.decided_by, d.decided_by_source, d.issued_by, d.digest IS NOT DISTINCT FROM a.digest
            AND d.from_stage = a.from_stage AND d.to_stage = a.stage
            AND (
                jsonb_typeof(a.rule #> '{approvals,expire_after}') IS DISTINCT FROM 'number'
                OR d.at > clock_timestamp() - make_interval(
                    secs => (a.rule #>> '{approvals,expire_after}')::double precision
                )
            )
            AND a.generation = d.generation + (
                SELECT count(*) FROM pedigree.stage_override o
                WHERE o.model_id = a.model_id AND o.generation > d.generation
            ) AS is_valid
    FROM asked a
    JOIN pedigree.decision d ON d.model_id = a.model_id AND d.version = a.version AND d.approved
    WHERE NOT EXISTS (
        SELECT FROM pedigree.decision later
        WHERE later.model_id = a.model_id AND later.version = a.version AND NOT later.approved
            AND later.decision_id > d.decision_id
    )
), written AS MATERIALIZED (
    SELECT a.request_id, a.created_by AS author FROM approved a
    UNION
    SELECT a.request_id, t.created_by FROM approved a
    JOIN pedigree.training t ON t.model_id = a.model_id AND t.version = a.version
), person AS MATERIALIZED (
    SELECT named.name, pedigree.person_of(named.name) AS person
    FROM (
        SELECT decided_by FROM approved UNION SELECT requested_by FROM approved
        UNION SELECT issued_by FROM approved WHERE issued_by IS NOT NULL
        UNION SELECT author FROM written
    ) AS named (name)
), newest AS MATERIALIZED (
    SELECT DISTINCT ON (a.request_id, decider.person) a.*, decider.person,
        decider.person = requester.person AS is_by_requester
    FROM approved a
    JOIN person decider ON decider.name = a.decided_by
    JOIN person requester ON requester.name = a.requested_by
    LEFT JOIN person issuer ON issuer.name = a.issued_by
    WHERE NOT EXISTS (
        SELECT FROM written w JOIN person author ON author.name = w.author
        WHERE w.request_id = a.request_id AND author.person IN (decider.person, issuer.person)
    )
    ORDER BY a.request_id, decider.person, a.decision_id DESC
), given AS MATERIALIZED (
    SELECT n.request_id,
        jsonb_agg(
            jsonb_build_array(n.decided_by, n.decided_by_source, n.is_by_requester)
            ORDER BY n.person
        ) AS approvals,
        bool_or(pedigree.person_key(n.decided_by) = ANY (me.keys)) AS has_own
    FROM newest n CROSS JOIN me
    WHERE n.is_valid
    GROUP BY n.request_id
), judged AS (
    SELECT a.request_id, a.from_stage, a.stage, a.only_asks, a.risk_class, a.rule, a.is_default,
        a.name, given.approvals,
        CASE WHEN a.only_asks OR a.rule @? '$.promoters[0]'
            THEN jsonb_build_array(a.requested_by, a.requested_by_source) END AS asker
    FROM asked a
    LEFT JOIN given USING (request_id)
    WHERE given.has_own IS NOT TRUE
), grouped AS (
    SELECT matters.name, j.from_stage, j.stage, j.only_asks, j.risk_class, j.rule::text AS rule,
        j.is_default, j.asker, j.approvals, count(*)::integer AS number,
        CASE WHEN %(lists)s THEN array_agg(j.request_id) END AS request_ids
    FROM judged j
    CROSS JOIN LATERAL (
        SELECT CASE WHEN %(by_model)s OR coalesce(j.asker, j.approvals) IS NOT NULL
            THEN j.name END AS name
    ) AS matters
    GROUP BY matters.name, j.from_stage, j.stage, j.only_asks, j.risk_class, j.rule, j.is_default,
        j.asker, j.approvals
)
SELECT head.place, head.unsequenced, grouped.*
FROM head LEFT JOIN grouped ON true;

-- name: requests_of_numbers
-- The open requests of some numbers, oldest first.
SELECT r.request_id, m.name AS model_name, r.version AS version_id, v.digest, r.from_stage, r.stage,
    r.reason, r.only_asks, r.requested_by, r.at, r.outcome, r.closed_at, r.closed_by, r.waits_for,
    r.next_evaluation_at
FROM pedigree.stage_request r
JOIN pedigree.model_version v USING (model_id, version)
JOIN pedigree.registered_model m USING (model_id)
WHERE r.request_id = ANY (%(numbers)s) AND r.outcome IS NULL
ORDER BY r.request_id;

-- name: recent_requests
-- The open and the ended requests of a person within some numbers, newest first.
SELECT r.request_id, m.name AS model_name, r.version AS version_id, v.digest, r.from_stage, r.stage,
    r.reason, r.only_asks, r.requested_by, r.at, r.outcome, r.closed_at, r.closed_by, r.waits_for,
    r.next_evaluation_at
FROM pedigree.stage_request r
JOIN pedigree.model_version v USING (model_id, version)
JOIN pedigree.registered_model m USING (model_id)
WHERE r.request_id < %(before)s AND r.request_id >= %(first)s AND m.deleted_at IS NULL
    AND r.requested_by = %(person)s
    AND (%(visible)s::text[] IS NULL OR m.name = ANY (%(visible)s::text[]))
ORDER BY r.request_id DESC
LIMIT %(limit)s;

-- name: newest_request
-- The highest number of a request.
SELECT coalesce(max(request_id), 0) AS number FROM pedigree.stage_request;

-- name: note_request
-- Write what a request waits for.
UPDATE pedigree.stage_request
SET waits_for = %(waits_for)s, next_evaluation_at = %(next_evaluation_at)s
WHERE request_id = %(request_id)s;

-- name: close_requests
-- End the open requests for a version: all, or those for one stage, or of one person. Those for the
-- stage that it enters are performed.
UPDATE pedigree.stage_request
SET outcome = CASE WHEN stage = %(entered)s::text THEN 'performed' ELSE %(outcome)s END,
    closed_at = %(at)s, closed_by = %(actor)s
WHERE model_id = %(model_id)s AND version = %(version)s AND outcome IS NULL
    AND (%(stage)s::text IS NULL OR stage = %(stage)s)
    AND (%(asked_by)s::text IS NULL OR requested_by = %(asked_by)s);

-- name: models_with_requests
-- The models with open requests: the named ones, and those that are due; all (names NULL).
SELECT DISTINCT m.name
FROM pedigree.stage_request r
JOIN pedigree.registered_model m USING (model_id)
WHERE r.outcome IS NULL AND m.deleted_at IS NULL AND (
    %(names)s::text[] IS NULL OR m.name = ANY (%(names)s)
    OR r.next_evaluation_at <= clock_timestamp()
)
ORDER BY m.name;

-- name: anything_unjudged
-- Whether a version waits for its checks, so that an idle look needs no transaction.
SELECT EXISTS (SELECT FROM pedigree.unjudged WHERE due_at <= clock_timestamp()) AS waiting;

-- name: take_unjudged
-- Take the version that waits longest for its checks; each failure doubles its waiting time. It is
-- chosen once, before the update: a plan might choose another one for each row that it compares.
WITH due AS MATERIALIZED (
    SELECT u.model_id, u.version, m.name
    FROM pedigree.unjudged u
    JOIN pedigree.registered_model m USING (model_id)
    JOIN pedigree.model_version v USING (model_id, version)
    WHERE u.due_at <= clock_timestamp() AND v.deleted_at IS NULL
    ORDER BY u.due_at
    LIMIT 1
    FOR UPDATE OF u SKIP LOCKED
)
UPDATE pedigree.unjudged AS taken
SET due_at = clock_timestamp() + %(lease)s::interval * power(2, least(taken.failures, 8)),
    failures = taken.failures + 1
FROM due
WHERE taken.model_id = due.model_id AND taken.version = due.version
RETURNING due.name, due.version;

-- name: end_unjudged
-- Remove a version from the queue after its checks.
DELETE FROM pedigree.unjudged u
USING pedigree.registered_model m
WHERE m.model_id = u.model_id AND m.name_key = %(name_key)s AND u.version = %(version)s;

-- name: insert_check_run
-- Record that a run of an asset check was processed; no row if it was before.
INSERT INTO pedigree.check_run (
    model_id, instance_id, event_id, check_name, version, problem, run_id, looked_at
) VALUES (
    %(model_id)s, %(instance_id)s, %(event_id)s, %(check)s, %(version)s, %(problem)s, %(run_id)s,
    %(looked_at)s
)
ON CONFLICT (model_id, instance_id, event_id) DO NOTHING
RETURNING true AS noted;

-- name: version_of_digest
-- The living versions of a model that have some bytes, the lowest copy first.
SELECT version FROM pedigree.model_version
WHERE model_id = %(model_id)s AND digest = %(digest)s AND deleted_at IS NULL
ORDER BY copy;

-- name: newer_check_run
-- Whether a later run of a check on a version exists.
SELECT EXISTS (
    SELECT FROM pedigree.check_run
    WHERE model_id = %(model_id)s AND check_name = %(check)s AND version = %(version)s
        AND instance_id = %(instance_id)s AND event_id > %(event_id)s
) AS known;

-- name: unattributed_check_runs
-- The newest run of each of a model's checks for which the checked version is not known.
SELECT DISTINCT ON (check_name) check_name, run_id, problem, looked_at
FROM pedigree.check_run
WHERE model_id = %(model_id)s AND version IS NULL
ORDER BY check_name, event_id DESC;

-- name: given_up_of_versions
-- The promotions of some versions that the sensor gave up, also those with a request to retry.
SELECT version, stage, generation, policy_revision, evidence_at, attempts, run_id, problem, at,
    retried_at, retried_by
FROM pedigree.given_up_promotion
WHERE model_id = %(model_id)s AND version = ANY (%(versions)s)
ORDER BY given_up_id;

-- name: give_up
-- Record that the sensor gave up a promotion; no row if that is recorded for the same state.
INSERT INTO pedigree.given_up_promotion AS kept (
    model_id, version, stage, generation, policy_revision, evidence_at, attempts, run_id, problem,
    at
) VALUES (
    %(model_id)s, %(version_id)s, %(stage)s, %(generation)s, %(policy_revision)s, %(evidence_at)s,
    %(attempts)s, %(run_id)s, %(problem)s, %(at)s
)
ON CONFLICT (model_id, version, stage) WHERE retried_at IS NULL DO UPDATE
SET generation = excluded.generation, policy_revision = excluded.policy_revision,
    evidence_at = excluded.evidence_at, attempts = excluded.attempts, run_id = excluded.run_id,
    problem = excluded.problem, at = excluded.at
WHERE (kept.generation, kept.policy_revision, kept.evidence_at)
    IS DISTINCT FROM (excluded.generation, excluded.policy_revision, excluded.evidence_at)
RETURNING given_up_id;

-- name: retry_promotion
-- Request that the sensor retries a promotion that it gave up.
UPDATE pedigree.given_up_promotion SET retried_at = %(at)s, retried_by = %(actor)s
WHERE model_id = %(model_id)s AND version = %(version)s AND stage = %(stage)s
    AND retried_at IS NULL
RETURNING version, stage, generation, policy_revision, evidence_at, attempts, run_id, problem, at,
    retried_at, retried_by;

-- name: now
-- The time of the database.
SELECT clock_timestamp() AS at;

-- name: change_policy_default
-- Set or delete a policy of new models. The actor is set before the function runs.
SELECT pedigree.change_policy_default(%(event_id)s, %(canonical)s) AS changed
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: policy_default
-- The policy of new models of a pattern.
SELECT pattern, policy, set_at, set_by, reason FROM pedigree.policy_default
WHERE pattern = %(pattern)s;

-- name: policy_defaults
-- A page of the policies of new models after a pattern.
SELECT pattern, policy, set_at, set_by, reason FROM pedigree.policy_default
WHERE pattern > %(after)s
ORDER BY pattern
LIMIT %(limit)s;

-- name: policy_patterns
-- The patterns that have a policy of new models.
SELECT pattern FROM pedigree.policy_default;

-- name: await_judgement
-- Let a pending version wait for checks; rows of versions that are not pending any more are removed.
WITH ended AS (
    DELETE FROM pedigree.awaited_judgement a USING pedigree.model_version v
    WHERE v.model_id = a.model_id AND v.version = a.version AND v.state <> 'pending'
)
INSERT INTO pedigree.awaited_judgement (
    model_id, version, upload_id, digest, manifest, stated, checks, asked_at
)
SELECT m.model_id, %(version)s, %(upload_id)s, %(digest)s, %(manifest)s, %(stated)s::jsonb,
    %(checks)s::text[], clock_timestamp()
FROM pedigree.registered_model m
WHERE m.name_key = %(name_key)s AND m.deleted_at IS NULL
ON CONFLICT (model_id, version) DO UPDATE SET
    upload_id = excluded.upload_id, digest = excluded.digest, manifest = excluded.manifest,
    stated = excluded.stated, checks = excluded.checks, answers = '{}', problem = NULL,
    asked_at = excluded.asked_at;

-- name: awaited_judgement
-- What a pending version waits for, with its bytes; no row if it waits for no check.
SELECT m.name, a.version, a.upload_id, a.manifest, a.stated, a.checks, a.answers, a.problem,
    a.asked_at > clock_timestamp() - %(patience)s::interval AS is_asked
FROM pedigree.awaited_judgement a
JOIN pedigree.model_version v USING (model_id, version)
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND m.deleted_at IS NULL AND a.version = %(version)s
    AND v.state = 'pending' AND v.deleted_at IS NULL;

-- name: awaited_checks
-- The pending versions that wait for runs of checks, the longest waiting first.
SELECT m.name, a.version, a.digest, found.missing
FROM pedigree.awaited_judgement a
JOIN pedigree.model_version v USING (model_id, version)
JOIN pedigree.registered_model m USING (model_id)
CROSS JOIN LATERAL (
    SELECT ARRAY(SELECT c FROM unnest(a.checks) AS c WHERE NOT a.answers ? c ORDER BY c) AS missing
) AS found
WHERE v.state = 'pending' AND v.deleted_at IS NULL AND m.deleted_at IS NULL
    AND a.problem IS NULL AND found.missing <> '{}'
ORDER BY v.created_at, a.model_id, a.version
LIMIT %(most)s;

-- name: ask_for_checks
-- Note that a deployment runs the checks for which a version waits.
UPDATE pedigree.awaited_judgement a SET asked_at = clock_timestamp()
FROM pedigree.registered_model m
WHERE m.model_id = a.model_id AND m.name_key = %(name_key)s AND m.deleted_at IS NULL
    AND a.version = %(version)s;

-- name: give_up_checks
-- Note why nobody will run the checks for which a version waits, and let its work go on.
WITH given_up AS (
    UPDATE pedigree.awaited_judgement a SET problem = %(problem)s
    FROM pedigree.registered_model m
    WHERE m.model_id = a.model_id AND m.name_key = %(name_key)s AND m.deleted_at IS NULL
        AND a.version = %(version)s
    RETURNING a.model_id, a.version
)
UPDATE pedigree.pending_work w SET due_at = clock_timestamp()
FROM given_up g
WHERE w.model_id = g.model_id AND w.version = g.version;

-- name: awaiting_version
-- The first pending version of a model that waits for checks of some bytes.
SELECT a.version
FROM pedigree.awaited_judgement a
JOIN pedigree.model_version v USING (model_id, version)
WHERE a.model_id = %(model_id)s AND a.digest = %(digest)s AND v.state = 'pending'
    AND v.deleted_at IS NULL
ORDER BY a.version
LIMIT 1;

-- name: answer_awaited
-- Keep what a run found for the versions that wait with these bytes, and let their work go on once
-- nothing is missing.
WITH answered AS (
    UPDATE pedigree.awaited_judgement a
    SET answers = a.answers || jsonb_build_object(%(check)s::text, %(verdict)s::jsonb)
    WHERE a.model_id = %(model_id)s AND a.digest = %(digest)s
    RETURNING a.model_id, a.version,
        a.checks <@ ARRAY(SELECT jsonb_object_keys(a.answers)) AS is_complete
)
UPDATE pedigree.pending_work w SET due_at = clock_timestamp()
FROM answered n
WHERE w.model_id = n.model_id AND w.version = n.version AND n.is_complete;

-- name: end_awaited
-- A version waits for no check any more; return the session of its bytes.
DELETE FROM pedigree.awaited_judgement a
USING pedigree.registered_model m
WHERE m.model_id = a.model_id AND m.name_key = %(name_key)s AND a.version = %(version)s
RETURNING a.upload_id;

-- name: is_dagster_there
-- Whether the mirror of a Dagster deployment ran lately, so that it may run asset checks.
SELECT EXISTS (
    SELECT FROM pedigree.dagster_instance
    WHERE seen_at > clock_timestamp() - %(age)s::interval
) AS is_there;

-- name: verdicts_of_bytes
-- The newest verdicts of some checks on the living versions of a model that have some bytes, without
-- those that a version shares with another one.
SELECT DISTINCT ON (d.version, d.check_name, d.settings)
    d.version, d.verdict_id, d.check_name AS check, d.passed, d.severity, d.digest, d.relative,
    d.baseline_digest, d.settings, d.summary,
    CASE
        WHEN jsonb_typeof(d.details -> 'looked_at') = 'string'
            THEN jsonb_build_object('looked_at', left(d.details ->> 'looked_at', 64))
        ELSE '{}'
    END AS details,
    d.run_id, d.at, d.recorded_by
FROM pedigree.model_version v
JOIN pedigree.verdict d ON d.model_id = v.model_id AND d.version = v.version
WHERE v.model_id = %(model_id)s AND v.digest = %(digest)s AND v.deleted_at IS NULL
    AND d.digest = v.digest AND NOT d.relative AND NOT d.details ? 'same_bytes_as'
    AND EXISTS (
        SELECT FROM jsonb_to_recordset(%(rules)s) AS rule (name text, settings jsonb)
        WHERE rule.name = d.check_name AND (d.settings IS NULL OR d.settings = rule.settings)
    )
ORDER BY d.version, d.check_name, d.settings, d.verdict_id DESC;
