"""The view process: annotated pictures, made only while somebody watches."""
