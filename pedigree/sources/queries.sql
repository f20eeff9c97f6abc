-- name: anything_pending
-- Whether a pending version waits for a process. Read before a transaction is begun for it.
SELECT EXISTS (
    SELECT FROM pedigree.model_version v
    JOIN pedigree.registered_model m USING (model_id)
    LEFT JOIN pedigree.pending_work w USING (model_id, version)
    WHERE v.state = 'pending' AND v.deleted_at IS NULL AND m.deleted_at IS NULL
        AND (w.due_at IS NULL OR w.due_at <= clock_timestamp())
) AS waiting;

-- name: take_pending
-- Take the pending version that waits longest, unless another process takes it at this moment.
WITH waiting AS (
    SELECT v.model_id, v.version
    FROM pedigree.model_version v
    JOIN pedigree.registered_model m USING (model_id)
    LEFT JOIN pedigree.pending_work w USING (model_id, version)
    WHERE v.state = 'pending' AND v.deleted_at IS NULL AND m.deleted_at IS NULL
        AND (w.due_at IS NULL OR w.due_at <= clock_timestamp())
    ORDER BY coalesce(w.due_at, v.created_at), v.model_id, v.version
    LIMIT 1
), taken AS (
    INSERT INTO pedigree.pending_work AS w (model_id, version, due_at, holder)
    SELECT model_id, version, clock_timestamp() + %(lease)s::interval, %(holder)s FROM waiting
    ON CONFLICT (model_id, version) DO UPDATE
        SET due_at = excluded.due_at, holder = excluded.holder
        WHERE w.due_at <= clock_timestamp()
    RETURNING w.model_id, w.version, w.failures
)
SELECT m.name, t.version, t.failures
FROM taken t JOIN pedigree.registered_model m USING (model_id);

-- name: renew_pending
-- Keep a version; no row if another process has it, or if it is not pending any more.
UPDATE pedigree.pending_work w
SET due_at = clock_timestamp() + %(lease)s::interval
FROM pedigree.registered_model m
WHERE m.model_id = w.model_id AND m.name = %(name)s AND m.deleted_at IS NULL
    AND w.version = %(version)s AND w.holder = %(holder)s
RETURNING true AS renewed;

-- name: postpone_pending
-- Give a version back, for some time after which any process tries it again.
UPDATE pedigree.pending_work w
SET due_at = clock_timestamp() + %(pause)s::interval, failures = failures + 1
FROM pedigree.registered_model m
WHERE m.model_id = w.model_id AND m.name = %(name)s AND m.deleted_at IS NULL
    AND w.version = %(version)s AND w.holder = %(holder)s;

-- name: pause_pending
-- Give a version back that waits for others, for some time; it is also taken once it is due.
UPDATE pedigree.pending_work w
SET due_at = clock_timestamp() + %(pause)s::interval
FROM pedigree.registered_model m
WHERE m.model_id = w.model_id AND m.name = %(name)s AND m.deleted_at IS NULL
    AND w.version = %(version)s AND w.holder = %(holder)s;

-- name: end_pending
-- Remove the work on a version that is sealed or has failed.
DELETE FROM pedigree.pending_work w
USING pedigree.registered_model m
WHERE m.model_id = w.model_id AND m.name = %(name)s
    AND w.version = %(version)s AND w.holder = %(holder)s;

-- name: strike_out_creation
-- The client of a creation has its answer, so the same creation is another one from now on.
DELETE FROM pedigree.kept_answer WHERE principal = %(principal)s AND key = %(key)s;

-- name: is_unanswered
-- Whether a creation is still noted as unanswered.
SELECT EXISTS (
    SELECT FROM pedigree.kept_answer WHERE principal = %(principal)s AND key = %(key)s
) AS noted;
