"""Timeline → what the chosen guidelines say now, with sources; doses computed, limits counted, never a decision."""
