-- Whether the bytes of an event have exactly the fields of an event, and say what its row says. So a
-- check of all events in SQL refuses whatever a reader of one event would refuse.
CREATE FUNCTION pedigree.is_regular_event(
    content jsonb, event_id uuid, type text, model text, version integer, at timestamptz
) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
-- A name of the actor that is null makes it false, too, and not unknown.
SELECT coalesce(content = jsonb_build_object(
    'actor', jsonb_build_object(
        'name', content #>> '{actor,name}', 'source', content #>> '{actor,source}'
    ),
    -- A row of an earlier release has no time.
    'at', pedigree.time_in_json(coalesce(at, (content ->> 'at')::timestamptz)),
    'body', content -> 'body', 'event_id', event_id, 'model', model, 'type', type,
    'version', version
) AND jsonb_typeof(content -> 'body') = 'object' AND content #>> '{actor,source}' IS NOT NULL
    AND octet_length(content #>> '{actor,name}') <= 800, false)
$$;

-- What the counts of the metrics distinguish among the events of one type: as before, but the bytes
-- are parsed once.
CREATE OR REPLACE FUNCTION pedigree.event_detail(type text, canonical bytea) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE WHEN type IN ('version.stage_changed', 'version.check_recorded') THEN (
    SELECT coalesce(
        CASE type
            WHEN 'version.stage_changed' THEN body ->> 'to'
            ELSE (body ->> 'check') || ':' || (body ->> 'passed')
        END, ''
    )
    FROM (SELECT convert_from(canonical, 'UTF8')::jsonb -> 'body' AS body OFFSET 0) AS parsed
) ELSE '' END
$$;
