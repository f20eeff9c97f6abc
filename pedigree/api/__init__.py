"""The registry over HTTP: the verbs of ``Registry`` as a REST API, one resource a module."""
