-- JSON of before its depth had a bound: trainings lose what is too deep, and events are flagged.

-- Parsers stop at about 200 levels, and the code of now stores 64. The params and the configuration of a
-- training are in no event, so here they lose what is deeper. A verdict, a policy or a datasheet repeats an
-- event, and `pedigree fsck` compares the two, so these rows stay as they are: the code reads them to a depth
-- of 96 and shows a text for the rest. An event never changes. The feed serves a flagged one by its hash and
-- its size, and its subject.

-- How deep a JSON text is nested; brackets in its strings are no levels.
CREATE FUNCTION pedigree.json_depth(content text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    skeleton text := translate(
        regexp_replace(
            regexp_replace(content, '"(\\.|[^"\\])*"', '', 'g'), '[^][{}]+', '', 'g'
        ), '{}', '[]'
    );
    depth integer := 0;
BEGIN
    WHILE skeleton <> '' LOOP
        skeleton := replace(skeleton, '[]', '');
        depth := depth + 1;
    END LOOP;
    RETURN depth;
END
$$;

-- A JSON value without what is deeper than some levels.
CREATE FUNCTION pedigree.pruned(given jsonb, levels integer) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF jsonb_typeof(given) NOT IN ('object', 'array') THEN
        RETURN given;
    END IF;
    IF levels = 0 THEN
        RETURN to_jsonb('(nested deeper than 64 levels)'::text);
    END IF;
    IF jsonb_typeof(given) = 'object' THEN
        RETURN coalesce(
            (SELECT jsonb_object_agg(key, pedigree.pruned(value, levels - 1)) FROM jsonb_each(given)), '{}'
        );
    END IF;
    RETURN coalesce((
        SELECT jsonb_agg(pedigree.pruned(value, levels - 1) ORDER BY place)
        FROM jsonb_array_elements(given) WITH ORDINALITY AS item (value, place)
    ), '[]');
END
$$;

UPDATE pedigree.training
SET params = pedigree.pruned(params, 64), config = pedigree.pruned(config, 64)
WHERE (length(params::text) > 128 AND pedigree.json_depth(params::text) > 64)
    OR (length(config::text) > 128 AND pedigree.json_depth(config::text) > 64);

-- Events that the feed does not serve in full.
CREATE TABLE pedigree.unserved_event (
    id bigint PRIMARY KEY REFERENCES pedigree.event (id)
);

-- An event has the subject of each JSON value some levels above it, so it may be deeper than that.
INSERT INTO pedigree.unserved_event (id)
SELECT id FROM pedigree.event
WHERE length(canonical) > 4456448
    OR (length(canonical) > 192 AND pedigree.json_depth(convert_from(canonical, 'UTF8')) > 96);

DROP FUNCTION pedigree.json_depth(text);
DROP FUNCTION pedigree.pruned(jsonb, integer);
