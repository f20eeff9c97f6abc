-- Events by type, the newest first. The types that nearly every version has are left out: the newest events
-- of the log have some of them, and an entry for each would make every creation slower.
CREATE INDEX event_of_type ON pedigree.event (type, id) WHERE type <> ALL (ARRAY[
    'version.created', 'version.trained', 'version.updated', 'version.downloaded', 'version.stage_changed',
    'version.check_recorded', 'version.profiled', 'version.drift_measured', 'data.check_recorded'
]);
