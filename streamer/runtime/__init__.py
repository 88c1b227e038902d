"""What every process has around its work: heartbeat, signals, logs, statistics, supervision."""
