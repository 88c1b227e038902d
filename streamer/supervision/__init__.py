"""Starting, watching, restarting and stopping the processes of one host."""
