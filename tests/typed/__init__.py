"""Code that is not run but checked: mypy must accept it, and refuse exactly what is marked."""
