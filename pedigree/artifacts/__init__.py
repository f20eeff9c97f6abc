"""Artifacts: files by digest, brought into an object store and back, never half."""
