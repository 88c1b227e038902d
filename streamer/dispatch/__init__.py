"""The dispatch process: crops in from every camera, batches out to the workers."""
