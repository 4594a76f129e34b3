"""A graded run in the forms that other systems read."""
