"""The door for MLflow: what belongs here are the routes of MLflow's registry protocol.

Each subject is a module that declares its routes over the verbs of a registry. No verb is
implemented here, and none of another protocol.
"""
