-- name: failures_of_work
-- The failing members of one kind of work: whether each is due again, and whether its time passed
-- long ago, so that the work no longer has it.
SELECT *, next_at <= clock_timestamp() AS is_due,
    next_at < clock_timestamp() - %(forgotten)s::interval AS is_gone
FROM pedigree.failure WHERE work = %(work)s;

-- name: note_failure
-- Note a failed attempt.
INSERT INTO pedigree.failure (work, member, model, problem, next_at)
VALUES (
    %(work)s, %(member)s, %(model)s, %(problem)s, clock_timestamp() + %(pause)s::interval
)
ON CONFLICT (work, member) DO UPDATE SET
    model = excluded.model,
    problem = excluded.problem,
    attempts = failure.attempts + 1,
    failed_last = clock_timestamp(),
    next_at = excluded.next_at
RETURNING *;

-- name: end_failure
-- Remove a member that was handled, or that the work no longer has.
DELETE FROM pedigree.failure WHERE work = %(work)s AND member = %(member)s
RETURNING *, clock_timestamp() AS at;

-- name: failures
-- The failing members of all work, or of some; the ones that failed first at the top.
SELECT * FROM pedigree.failure
WHERE %(works)s::text[] IS NULL OR work = ANY (%(works)s::text[])
ORDER BY failed_since, work, member LIMIT %(limit)s;
