"""What is true of a clip, and how right what was said about it is."""
