-- Sinks: where the whole feed goes, such as Kafka, and how far it has gone.

CREATE TABLE pedigree.sink (
    -- Its URL without options, among which are secrets.
    name text PRIMARY KEY,
    -- Up to here it has acknowledged the feed.
    seq bigint NOT NULL DEFAULT 0,
    -- Whoever has the lease feeds it, until then.
    lease uuid,
    lease_until timestamptz NOT NULL DEFAULT '-infinity'
);
