"""How good it is: cross-validation, search, reports, the LFW protocol."""
