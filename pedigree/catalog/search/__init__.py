"""Search over versions: a boolean grammar, parsed by a library, translated to parameters."""
