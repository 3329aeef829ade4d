"""Where people are asked and told: one folder a channel. A channel shows what the journal holds, and never imports the engine."""
