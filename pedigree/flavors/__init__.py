"""How each kind of model is saved, loaded and described; one module per flavor."""
