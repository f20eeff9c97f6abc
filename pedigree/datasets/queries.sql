-- name: lock_asset
-- Serialize the insertion of an asset's datasheets by a lock; return the current time.
SELECT clock_timestamp() AS at
FROM (SELECT pg_advisory_xact_lock(hashtextextended('datasheet of ' || %(asset)s, 0))) AS locked;

-- name: latest_datasheets
-- A page of the newest datasheets of the given assets, by asset.
SELECT DISTINCT ON (asset) asset, revision, digest, sheet, at, recorded_by
FROM pedigree.datasheet
WHERE asset = ANY (%(assets)s) AND asset > %(after)s
ORDER BY asset, revision DESC
LIMIT %(limit)s::bigint;

-- name: insert_datasheet
-- Insert an asset's next datasheet.
INSERT INTO pedigree.datasheet (asset, revision, digest, sheet, at, recorded_by)
VALUES (%(asset)s, %(revision)s, %(digest)s, %(sheet)s, %(at)s, %(actor)s);

-- name: now
-- The database's clock.
SELECT clock_timestamp() AS at;

-- name: insert_data_verdict
-- Insert the verdict of a check on some data.
INSERT INTO pedigree.data_verdict (
    asset, partition, storage_id, materialized_by, data_version, check_name, passed, severity,
    summary, details, run_id, at, recorded_by
) VALUES (
    %(asset)s, %(partition)s, %(storage_id)s, %(materialized_by)s, %(data_version)s, %(check)s,
    %(passed)s, %(severity)s, %(summary)s, %(details)s, %(run_id)s, %(at)s, %(actor)s
)
RETURNING data_verdict_id;

-- name: data_verdicts
-- A page of the newest verdicts of each check on the given states of data, oldest first: the same
-- event, or the same content.
SELECT * FROM (
    SELECT DISTINCT ON (d.asset, d.partition, d.check_name)
        d.data_verdict_id, d.asset, d.partition, d.storage_id, d.materialized_by, d.data_version,
        d.check_name AS check, d.passed, d.severity, d.summary, d.details, d.run_id, d.at,
        d.recorded_by
    FROM unnest(
        %(assets)s::text[], %(partitions)s::text[], %(storage_ids)s::bigint[], %(runs)s::text[],
        %(data_versions)s::text[]
    ) AS state (asset, partition, storage_id, materialized_by, data_version)
    JOIN pedigree.data_verdict d
        ON d.asset = state.asset AND d.partition IS NOT DISTINCT FROM state.partition
        AND (
            d.data_version = state.data_version
            OR (
                d.storage_id = state.storage_id
                AND d.materialized_by IS NOT DISTINCT FROM state.materialized_by
            )
        )
    ORDER BY d.asset, d.partition, d.check_name, d.data_verdict_id DESC
) AS newest
WHERE newest.data_verdict_id > %(after)s
ORDER BY newest.data_verdict_id
LIMIT %(limit)s;
