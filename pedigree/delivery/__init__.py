"""Tell others of events: webhooks and sinks, at least once and in the order of each model."""
