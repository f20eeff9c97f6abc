"""What a version was made of: data, code and environment."""
