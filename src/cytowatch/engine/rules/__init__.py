"""Every scale whose table says ``method = "rules"``: conditions compiled to columns (rule-scales page)."""
