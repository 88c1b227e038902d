"""What distillation learns from: teachers, and the faces that they have described."""
