"""What every process needs: settings, logs, clock, ids, health, shutdown."""
