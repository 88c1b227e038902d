"""config.toml, parsed once into frozen sections; each part is handed its own section only."""
