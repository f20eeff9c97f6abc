-- The times of a model's changes ascend, also when the clock of the database's machine jumps back. An
-- event without a time is of an earlier release, whose times are only in its bytes.
ALTER TABLE pedigree.event ADD COLUMN at timestamptz;

-- The time of a change of a model whose row is locked. It is volatile, so it sees what was committed
-- while the caller waited for the lock.
CREATE FUNCTION pedigree.time_of_change(model_name text) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    RETURN greatest(clock_timestamp(), (
        SELECT e.at FROM pedigree.event e WHERE e.model = model_name ORDER BY e.id DESC LIMIT 1
    ));
END
$$;

-- The models that an asset trains, to find out whose version a node of a lineage graph is.
CREATE INDEX training_asset ON pedigree.training (asset, model_id) WHERE asset IS NOT NULL;
