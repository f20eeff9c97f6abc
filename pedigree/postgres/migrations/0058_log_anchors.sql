-- Checkpoints of the audit log that are also kept in the object store.

CREATE TABLE pedigree.log_anchor (
    size bigint PRIMARY KEY REFERENCES pedigree.log_checkpoint (size),
    key text NOT NULL,
    anchored_at timestamptz NOT NULL
);

CREATE TRIGGER log_anchor_append_only BEFORE UPDATE OR DELETE ON pedigree.log_anchor
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER log_anchor_no_truncate BEFORE TRUNCATE ON pedigree.log_anchor
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();
ALTER TABLE pedigree.log_anchor ENABLE ALWAYS TRIGGER log_anchor_append_only;
ALTER TABLE pedigree.log_anchor ENABLE ALWAYS TRIGGER log_anchor_no_truncate;
