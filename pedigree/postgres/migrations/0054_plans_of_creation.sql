-- Plans of a creation that stay right while tables grow. A session plans a function's statements once.
-- If a table was empty then, its plan read the whole table, until Postgres analyzed the table again.

ALTER FUNCTION pedigree.create_version(jsonb, bytea) SET enable_seqscan = off;
ALTER FUNCTION pedigree.look_before_creation(jsonb) SET enable_seqscan = off;
ALTER FUNCTION pedigree.read_for_cards(text[], text[], integer[], bigint[], text[], integer)
    SET enable_seqscan = off;
ALTER FUNCTION pedigree.add_cards(jsonb) SET enable_seqscan = off;
ALTER FUNCTION pedigree.count_events() SET enable_seqscan = off;

-- As before. Only the index on model and id has this order, so that the plan cannot walk back through
-- the events of all other models.
CREATE OR REPLACE FUNCTION pedigree.time_of_change(model_name text) RETURNS timestamptz
LANGUAGE plpgsql AS $$
BEGIN
    RETURN greatest(clock_timestamp(), (
        SELECT e.at FROM pedigree.event e
        WHERE e.model >= model_name AND e.model <= model_name
        ORDER BY e.model DESC, e.id DESC LIMIT 1
    ));
END
$$;

-- An event and its row here are written by one statement, and no event is ever deleted. So the check
-- of each row could find nothing; the feed, to which the row moves, has such a reference.
ALTER TABLE pedigree.unsequenced DROP CONSTRAINT unsequenced_id_fkey;
