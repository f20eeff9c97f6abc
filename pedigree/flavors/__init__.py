"""How each kind of model is stored, loaded and described; one module a flavor."""
